public import Logging
public import SwitchboardCore

/// Inspects and repairs a spool while other processes use it.
///
/// Its methods block, so use them in command lines and tools. They claim a message before they change it, as a consumer
/// does. Methods that only read write nothing, so they work on a read-only file system.
public final class SpoolInspector: Sendable {
    /// A queue and its contents.
    public struct QueueSummary: Sendable, Hashable {
        /// The full name of the queue's directory: `topic~nova~compute`.
        public var name: String
        /// For people: `topic nova/compute`.
        public var title: String
        /// The address to subscribe to; `nil` for a subscriber's copies of a fanout.
        public var address: Address?
        public var waiting = 0
        public var claimed = 0
        /// The size of waiting and claimed messages, in bytes.
        public var bytes = 0
        public var consumers = 0
        /// Whether a consumer has ever declared it.
        public var isDeclared = false
    }

    /// A waiting, claimed or dead message.
    public struct StoredMessage: Sendable, Hashable {
        /// The name of its file; in the layout `segment`, the name that it would have.
        public var name: String
        /// The full name of its queue.
        public var queue: String
        /// The number of deliveries so far.
        public var attempts: Int
        /// Why it is dead.
        public var reason: String?
        /// The message; `nil` if the file isn't one, or is in use.
        public var message: Message?
    }

    /// Something that is wrong with a spool.
    public struct Finding: Sendable, Hashable {
        public var sentence: String
        /// Whether it was repaired.
        public var isRepaired: Bool
    }

    /// For looking.
    let store: SpoolStore
    private let operations: any FileOperations
    private let logger: Logger
    private let opened = Locked<Presence?>(nil)

    /// The spool as it is open for changes, once there are some.
    struct Presence {
        let store: SpoolStore
        let publisher: Publisher
    }

    /// Opens an existing spool. Throws `refused` if there is none, or if it can't be trusted.
    public convenience init(_ configuration: SpoolConfiguration, logger: Logger) throws(TransportError) {
        try self.init(configuration, operations: SystemFileOperations(), logger: logger)
    }

    package init(
        _ configuration: SpoolConfiguration, operations: any FileOperations, logger: Logger
    ) throws(TransportError) {
        var isWhole = true
        do throws(FileError) {
            let root = try Directory.open(configuration.directory, operations: operations)
            _ = try root.status("FORMAT")
            for part in SpoolStore.parts where try !root.contains(part) { isWhole = false }
        } catch {
            var failure = error.transportError("There is no spool in \(configuration.directory)")
            failure.code = .refused
            throw failure
        }
        self.operations = operations
        self.logger = logger
        // Whoever opens the spool for use makes what is missing.
        if !isWhole { try SpoolStore(configuration, operations: operations, logger: logger).owner.leave() }
        store = try SpoolStore(configuration, for: .looking, operations: operations, logger: logger)
    }

    /// The spool, opened for changes.
    func presence() throws(TransportError) -> Presence {
        if let there = opened.withLock({ $0 }) { return there }
        let store = try SpoolStore(store.configuration, operations: operations, logger: logger)
        let made = Presence(store: store, publisher: Publisher(store))
        opened.withLock { $0 = made }
        return made
    }

    /// Ends the inspector's use of the spool.
    public func close() {
        let there = opened.withLock { opened in
            defer { opened = nil }
            return opened
        }
        there?.publisher.close()
        there?.store.owner.leave()
    }

    /// The queues, sorted by name.
    public func queues() throws(TransportError) -> [QueueSummary] {
        do throws(FileError) {
            var summaries: [QueueSummary] = []
            for name in try store.queueNames() {
                do throws(FileError) {
                    if let summary = try summary(of: name) { summaries.append(summary) }
                } catch {
                    // The others are shown all the same.
                    logger.error("Queue not read", metadata: ["spool.queue": "\(name)", "error": "\(error)"])
                }
            }
            return summaries.sorted { $0.name < $1.name }
        } catch {
            throw failed("listed", error)
        }
    }

    private func summary(of name: QueueName) throws(FileError) -> QueueSummary? {
        guard let queue = try store.existingQueue(name) else { return nil }
        var summary = QueueSummary(name: name.encoded, title: "\(name)", address: name.address)
        summary.isDeclared = queue.isDeclared
        summary.consumers = try queue.directory.directory("consumers").names().count
        let counts =
            switch store.layout {
            case .maildir: try count(queue)
            case .segment: try countRecords(queue)
            }
        summary.waiting = Int(clamping: counts.waiting.messages)
        summary.claimed = Int(clamping: counts.claimed.messages)
        let (bytes, overflow) = counts.waiting.bytes.addingReportingOverflow(counts.claimed.bytes)
        summary.bytes = overflow ? .max : Int(clamping: bytes)
        return summary
    }

    private func count(_ queue: Queue) throws(FileError) -> (waiting: QueueCount, claimed: QueueCount) {
        var waiting = QueueCount()
        try queue.ready.forEachEntry { waiting.add(MessageName(utf8: $0)?.size ?? 0) }
        var claimed = QueueCount()
        for text in try queue.claimed.names() { claimed.add(ClaimName(text)?.message.size ?? 0) }
        return (waiting, claimed)
    }

    private func countRecords(_ queue: Queue) throws(FileError) -> (waiting: QueueCount, claimed: QueueCount) {
        var (waiting, claimed) = (QueueCount(), QueueCount())
        try SegmentCensus(queue, changing: false).forEachRecord { (segment, offset, header) throws(FileError) in
            if header.isDone { return }
            if try segment.isLocked(offset) { claimed.add(header.length) } else { waiting.add(header.length) }
        }
        return (waiting, claimed)
    }

    func noQueue(_ name: String) -> TransportError {
        TransportError(.invalidAddress, "The spool has no queue \"\(name)\"; list them to see the names.")
    }

    func failed(_ what: String, _ error: FileError) -> TransportError {
        error.transportError("The spool \(store.root.path) could not be \(what)", at: store.root.path)
    }
}

extension QueueName {
    /// What to subscribe to.
    var address: Address? {
        switch kind {
        case .topic: .topic(Topic(parts[1], exchange: parts[0]))
        case .server: .server(Topic(parts[1], exchange: parts[0]), server: parts[2])
        case .mailbox: .mailbox(Mailbox(named: parts[0]))
        case .notifications: .notifications(Topic(parts[1], exchange: parts[0]))
        case .fanout, .pool: nil
        }
    }
}
