public import SwitchboardCore

/// How a spool is laid out and bounded: the options of a `spool:` URL, and their defaults.
public struct SpoolConfiguration: Sendable, Hashable {
    /// How messages lie on the disk. Chosen by whoever makes the spool; everybody else finds it there.
    public enum Layout: String, Sendable, CaseIterable {
        /// A file for each message: `ls`, `cat` and `mv` are the debugger.
        case maildir
        /// Append-only segments that many publishers sync together.
        case segment
    }

    /// When a publish counts as taken over.
    public enum Durability: String, Sendable, CaseIterable {
        /// On the disk: the message survives the loss of power.
        case full
        /// In the kernel: the message survives the end of every process, not the end of the machine. For tests.
        case none
    }

    /// The spool's directory, absolute. Its parent must exist.
    public var directory: String

    /// `nil`: what the spool has, ``Layout/maildir`` for a new one.
    public var layout: Layout?
    public var durability = Durability.full

    /// How many messages a queue holds, claimed ones included.
    public var maximumMessages = 4_000_000
    /// How many bytes a queue holds.
    public var maximumBytes = 16 << 30
    /// How large a message is at most, with its headers, in bytes. Publishers are told; a file that is larger all the same
    /// goes to `dead/` unread.
    public var maximumMessageBytes = 256 << 20
    /// How often a message is delivered before it goes to `dead/`.
    public var maximumAttempts = 100
    /// What stays free on the disk so that settling works when it is full, in bytes.
    public var reservedBytes = 16 << 20
    /// The size at which a segment is closed and a new one begun, in bytes.
    public var segmentBytes = 16 << 20
    /// How many threads write.
    public var writers = 8
    /// How often everything is looked at even when nothing was reported.
    public var rescanInterval = Duration.seconds(30)

    /// A spool in `directory`, an absolute path.
    public init(directory: String) {
        self.directory = directory
    }

    /// Reads `spool:///directory?option=value`.
    ///
    /// Throws `invalidURL` for hosts, credentials and a missing directory, `invalidOption` for options that are unknown
    /// (naming the near one), given twice or out of range.
    public init(_ url: TransportURL) throws(TransportError) {
        guard url.hosts.isEmpty else {
            throw TransportError(
                .invalidURL,
                "A spool URL has no host and no credentials: write spool:///directory, with three slashes.")
        }
        guard let path = url.virtualHost, !path.isEmpty, path.contains(where: { $0 != "/" }) else {
            throw TransportError(.invalidURL, "A spool URL names a directory: write spool:///directory.")
        }
        guard !path.utf8.contains(0) else {
            throw TransportError(.invalidURL, "The directory of a spool URL contains a NUL byte.")
        }
        self.init(directory: path.hasPrefix("/") ? path : "/" + path)
        var seen: Set<String> = []
        for option in url.options {
            guard seen.insert(option.name).inserted else {
                throw TransportError(.invalidOption, "The option \(option.name) of a spool URL is given twice.")
            }
            try set(option)
        }
    }

    private static let names = [
        "layout", "durability", "max_messages", "max_bytes", "max_message_bytes", "max_attempts", "reserved_bytes",
        "segment_bytes",
        "writers", "rescan_seconds",
    ]

    private mutating func set(_ option: TransportURL.Option) throws(TransportError) {
        switch option.name {
        case "layout": layout = try choice(option)
        case "durability": durability = try choice(option)
        case "max_messages": maximumMessages = try number(option, 1...(1 << 40))
        case "max_bytes": maximumBytes = try number(option, 1...(1 << 50))
        case "max_message_bytes": maximumMessageBytes = try number(option, 1...(1 << 31))
        case "max_attempts": maximumAttempts = try number(option, 1...1_000_000)
        case "reserved_bytes": reservedBytes = try number(option, 0...(1 << 50))
        case "segment_bytes": segmentBytes = try number(option, 4096...(1 << 32))
        case "writers": writers = try number(option, 1...64)
        case "rescan_seconds": rescanInterval = .seconds(try number(option, 1...86_400))
        default:
            throw URLOptions.unknown(option.name, known: Self.names, of: "spool")
        }
    }

    private func choice<Choice>(_ option: TransportURL.Option) throws(TransportError) -> Choice
    where Choice: RawRepresentable<String> & CaseIterable {
        guard let choice = Choice(rawValue: option.value) else {
            let choices = Choice.allCases.map(\.rawValue).joined(separator: " or ")
            throw TransportError(
                .invalidOption, "The option \(option.name) of a spool URL is \(choices), not \"\(option.value)\".")
        }
        return choice
    }

    private func number(
        _ option: TransportURL.Option, _ range: ClosedRange<Int>
    ) throws(TransportError) -> Int {
        guard let number = Int(option.value), range.contains(number) else {
            throw TransportError(
                .invalidOption,
                "The option \(option.name) of a spool URL is a number from \(range.lowerBound) to "
                    + "\(range.upperBound), not \"\(option.value)\".")
        }
        return number
    }
}
