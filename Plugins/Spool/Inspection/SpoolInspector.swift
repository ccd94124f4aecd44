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
    private let publisher: Publisher

    /// Opens an existing spool; throws `refused` when there is none, or none that can be trusted.
    public init(_ configuration: SpoolConfiguration, logger: Logger) throws(TransportError) {
        let operations = SystemFileOperations()
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
        for text in try queue.ready.names() {
            summary.waiting += 1
            summary.bytes += MessageName(text)?.size ?? 0
        }
        for text in try queue.claimed.names() {
            summary.claimed += 1
            summary.bytes += ClaimName(text)?.message.size ?? 0
        }
    }

    private func countRecords(_ queue: Queue, _ summary: inout QueueSummary) throws(FileError) {
        var counted = summary
        try SegmentCensus(queue).forEachRecord { (segment, offset, header) throws(FileError) in
            if header.isDone { return }
            if try segment.lock(offset) {
                segment.unlock(offset)
                counted.waiting += 1
            } else {
                counted.claimed += 1
            }
            counted.bytes += header.length
        }
        summary = counted
    }

    /// The first messages that wait in a queue (by its whole name), in their order.
    public func messages(in queue: String, limit: Int = 100) throws(TransportError) -> [StoredMessage] {
        guard let name = QueueName(encoded: queue) else { throw noQueue(queue) }
        do throws(FileError) {
            guard let found = try store.existingQueue(name) else { throw FileError("open the queue \(queue)", 2) }
            if store.layout == .segment { return try records(in: found, limit: limit) }
            var messages: [StoredMessage] = []
            for text in try found.ready.names().sorted().prefix(limit) {
                messages.append(
                    StoredMessage(
                        name: text, queue: queue, attempts: MessageName(text)?.attempt ?? 0, reason: nil,
                        message: read(text, in: found.ready)))
            }
            return messages
        } catch {
            if error.isNotFound { throw noQueue(queue) }
            throw failed("read", error)
        }
    }

    private func records(in queue: Queue, limit: Int) throws(FileError) -> [StoredMessage] {
        var messages: [StoredMessage] = []
        try SegmentCensus(queue).forEachRecord { (segment, offset, header) throws(FileError) in
            guard !header.isDone, messages.count < limit,
                let record = try segment.record(at: offset, end: segment.committed)
            else { return }
            messages.append(
                StoredMessage(
                    name: "\(header.name)", queue: queue.name.encoded, attempts: header.name.attempt, reason: nil,
                    message: try? MessageFile(decoding: record.payload).message))
        }
        return messages.sorted { $0.name < $1.name }
    }

    /// The message of that name, dead or waiting; `nil` when there is none.
    public func message(named name: String) throws(TransportError) -> StoredMessage? {
        if let letter = try deadLetters().first(where: { $0.name == name }) { return letter }
        for queue in try queues() {
            if let found = try messages(in: queue.name, limit: .max).first(where: { $0.name == name }) { return found }
        }
        return nil
    }

    private func read(_ name: String, in directory: Directory) -> Message? {
        guard let bytes = try? directory.contents(of: name, limit: 1 << 30) else { return nil }
        return try? MessageFile(decoding: bytes).message
    }

    // MARK: The dead

    /// What lies in `dead/`, sorted by name.
    public func deadLetters() throws(TransportError) -> [StoredMessage] {
        do throws(FileError) {
            var letters: [StoredMessage] = []
            for name in try store.dead.names().sorted() where !name.hasSuffix(".reason") {
                let facts = facts(of: name)
                letters.append(
                    StoredMessage(
                        name: name, queue: facts["Queue"] ?? "", attempts: MessageName(base(name))?.attempt ?? 0,
                        reason: facts["Reason"], message: read(name, in: store.dead)))
            }
            return letters
        } catch {
            throw failed("read", error)
        }
    }

    /// Puts a dead message back into its queue, as new: at the end, with no attempts counted.
    ///
    /// Throws `invalidAddress` when it has no queue or is no message. At least once: a crash in between leaves it in both
    /// places.
    public func retry(_ letter: String) throws(TransportError) {
        let facts = try knownFacts(of: letter)
        guard let name = facts["Queue"].flatMap({ QueueName(encoded: $0) }), !name.isEphemeral else {
            throw TransportError(
                .invalidAddress, "The dead message \(letter) belongs to no queue that exists without its subscribers.")
        }
        guard let message = read(letter, in: store.dead) else {
            throw TransportError(.invalidAddress, "The file \(letter) in dead/ is no message, so it cannot be retried.")
        }
        try publisher.put(message, in: name)
        try drop(letter)
    }

    /// Removes a dead message and its reason.
    public func drop(_ letter: String) throws(TransportError) {
        _ = try knownFacts(of: letter)
        store.removeTree(letter, in: store.dead)
        try? store.dead.unlink("\(letter).reason")
    }

    private func knownFacts(of letter: String) throws(TransportError) -> [String: String] {
        guard !letter.isEmpty, !letter.contains("/"), letter != ".", letter != "..",
            (try? store.dead.contains(letter)) == true
        else { throw TransportError(.invalidAddress, "There is no \"\(letter)\" in dead/.") }
        return facts(of: letter)
    }

    private func facts(of letter: String) -> [String: String] {
        guard let bytes = try? store.dead.contents(of: "\(letter).reason", limit: 1 << 16) else { return [:] }
        var facts: [String: String] = [:]
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { facts[String(parts[0])] = String(parts[1].drop { $0 == " " }) }
        }
        return facts
    }

    /// Without what makes a name free in `dead/`.
    private func base(_ name: String) -> Substring {
        name.prefix { $0 != "~" }
    }

    private func noQueue(_ name: String) -> TransportError {
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
