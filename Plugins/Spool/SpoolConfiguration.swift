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
        var options = try URLOptions(url)
        layout = try options.choice("layout") ?? layout
        durability = try options.choice("durability") ?? durability
        maximumMessages = try options.integer("max_messages", in: 1...(1 << 40)) ?? maximumMessages
        maximumBytes = try options.integer("max_bytes", in: 1...(1 << 50)) ?? maximumBytes
        maximumMessageBytes = try options.integer("max_message_bytes", in: 1...(1 << 31)) ?? maximumMessageBytes
        maximumAttempts = try options.integer("max_attempts", in: 1...1_000_000) ?? maximumAttempts
        reservedBytes = try options.integer("reserved_bytes", in: 0...(1 << 50)) ?? reservedBytes
        segmentBytes = try options.integer("segment_bytes", in: 4096...(1 << 32)) ?? segmentBytes
        writers = try options.integer("writers", in: 1...64) ?? writers
        if let seconds = try options.integer("rescan_seconds", in: 1...86_400) { rescanInterval = .seconds(seconds) }
        try options.finish()
    }
}
