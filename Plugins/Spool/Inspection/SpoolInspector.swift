public import Logging
public import SwitchboardCore

/// Looks into a spool and repairs it, beside the processes that use it.
///
/// Its methods block: they are for command lines and tools. What they change they claim first, as a consumer does.
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

    let store: SpoolStore
    let publisher: Publisher

    /// Opens an existing spool; throws `refused` when there is none, or none that can be trusted.
    public convenience init(_ configuration: SpoolConfiguration, logger: Logger) throws(TransportError) {
        try self.init(configuration, operations: SystemFileOperations(), logger: logger)
    }

    package init(
        _ configuration: SpoolConfiguration, operations: any FileOperations, logger: Logger
    ) throws(TransportError) {
        do throws(FileError) {
            _ = try Directory.open(configuration.directory, operations: operations).status("FORMAT")
        } catch {
            throw TransportError(
                .refused, "There is no spool in \(configuration.directory).", cause: error)
        }
        store = try SpoolStore(configuration, operations: operations, logger: logger)
        publisher = Publisher(store)
    }

    /// Ends the inspector's presence in the spool.
    public func close() {
        publisher.close()
        store.owner.leave()
    }

    /// The queues, sorted by name.
    public func queues() throws(TransportError) -> [QueueSummary] {
        do throws(FileError) {
            var summaries: [QueueSummary] = []
            for name in try store.queueNames() {
                guard let queue = try store.existingQueue(name) else { continue }
                var summary = QueueSummary(name: name.encoded, title: "\(name)", address: name.address)
                summary.isDeclared = queue.isDeclared
                summary.consumers = try queue.directory.directory("consumers").names().count
                switch store.layout {
                case .maildir: try count(queue, &summary)
                case .segment: try countRecords(queue, &summary)
                }
                summaries.append(summary)
            }
            return summaries.sorted { $0.name < $1.name }
        } catch {
            throw failed("listed", error)
        }
    }

    private func count(_ queue: Queue, _ summary: inout QueueSummary) throws(FileError) {
        var (waiting, bytes) = (0, 0)
        try queue.ready.forEachEntry { text in
            waiting += 1
            bytes += MessageName(utf8: text)?.size ?? 0
        }
        summary.waiting = waiting
        summary.bytes += bytes
        for text in try queue.claimed.names() {
            summary.claimed += 1
            summary.bytes += ClaimName(text)?.message.size ?? 0
        }
    }

    private func countRecords(_ queue: Queue, _ summary: inout QueueSummary) throws(FileError) {
        var counted = summary
        try SegmentCensus(queue).forEachRecord { (segment, offset, header) throws(FileError) in
            if header.isDone { return }
            if try segment.isLocked(offset) { counted.claimed += 1 } else { counted.waiting += 1 }
            counted.bytes += header.length
        }
        summary = counted
    }

    func noQueue(_ name: String) -> TransportError {
        TransportError(.invalidAddress, "The spool has no queue \"\(name)\"; list them to see the names.")
    }

    func failed(_ what: String, _ error: FileError) -> TransportError {
        error.transportError("The spool \(store.root.path) could not be \(what)")
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
