public import SwitchboardCore

/// The layout and the limits of a spool: the options of a `spool:` URL, with their defaults.
public struct SpoolConfiguration: Sendable, Hashable {
    /// How messages are stored. The process that creates the spool chooses; the others use what is there.
    public enum Layout: String, Sendable, CaseIterable {
        /// A file for each message, for inspection with `ls`, `cat` and `mv`.
        case maildir
        /// Append-only segments, which many publishers sync together.
        case segment
    }

    /// When a message counts as accepted.
    public enum Durability: String, Sendable, CaseIterable {
        /// When it is on the disk, so that it survives a power failure.
        case full
        /// When the kernel has it, so that it survives the end of every process, but not of the machine. For tests.
        case none
    }

    /// The spool's directory, absolute. Its parent must exist.
    public var directory: String

    /// The layout. `nil` means that of the existing spool, and ``Layout/maildir`` for a new one.
    public var layout: Layout?
    public var durability = Durability.full

    /// How many messages a queue holds, including claimed ones.
    public var maximumMessages = 4_000_000
    /// How many bytes a queue holds.
    public var maximumBytes = 16 << 30
    /// The largest message, including its headers, in bytes. Publishing a larger one fails, and a larger file goes to
    /// `dead/` unread.
    public var maximumMessageBytes = 256 << 20
    /// How often a message is delivered before it goes to `dead/`.
    public var maximumAttempts = 100
    /// The disk space in bytes that stays free, so that settling still works when the disk is full.
    public var reservedBytes = 16 << 20
    /// The size in bytes at which a segment is closed and a new one started.
    public var segmentBytes = 16 << 20
    /// How many threads write.
    public var writers = 8
    /// How often the spool is scanned even if no change was reported.
    public var rescanInterval = Duration.seconds(30)

    /// Creates a configuration for a directory, given as an absolute path.
    public init(directory: String) {
        self.directory = directory
    }

    /// Parses `spool:///directory?option=value`.
    ///
    /// Throws `invalidURL` for hosts, credentials and a missing directory, and `invalidOption` for options that are
    /// unknown (suggesting a similar one), repeated or out of range.
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
