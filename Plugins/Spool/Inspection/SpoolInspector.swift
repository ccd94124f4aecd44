public import Logging
public import SwitchboardCore

/// Looks into a spool and repairs it, beside the processes that use it.
///
/// Its methods block: they are for command lines and tools. What they change they claim first, as a consumer does; those that
/// only look write nothing, so that a spool on a read-only file system can be looked at.
public final class SpoolInspector: Sendable {
    /// A queue and what is in it.
    public struct QueueSummary: Sendable, Hashable {
        /// As the directory's name has it, whole: `topic~nova~compute`.
        public var name: String
        /// For people: `topic nova/compute`.
        public var title: String
        /// What to subscribe to; `nil` for a subscriber's own copies of a fanout.
        public var address: Address?
        public var waiting = 0
        public var claimed = 0
        /// The size of both, in bytes.
        public var bytes = 0
        public var consumers = 0
        /// Whether a consumer has ever declared it.
        public var isDeclared = false
    }

    /// A message that waits, is claimed or is dead.
    public struct StoredMessage: Sendable, Hashable {
        /// The file's name; in the layout `segment`, the name that it would have.
        public var name: String
        /// The queue, by its whole name.
        public var queue: String
        /// Deliveries so far.
        public var attempts: Int
        /// Why it is dead.
        public var reason: String?
        /// `nil` when the file is no message, or in use.
        public var message: Message?
    }

    /// Something that is not as it should be.
    public struct Finding: Sendable, Hashable {
        public var sentence: String
        /// Whether it was put right.
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

    /// Opens an existing spool; throws `refused` when there is none, or none that can be trusted.
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

    /// Ends the inspector's presence in the spool.
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
