internal import SwitchboardCore

/// Finds the queues of a message, makes sure that there is room, and has it written.
package struct Publisher: Sendable {
    package let store: SpoolStore
    private let segments: SegmentPublisher?
    /// Runs on another thread what may sync; `false` when there is none.
    private let elsewhere: @Sendable (@escaping @Sendable () -> Void) -> Bool

    package init(
        _ store: SpoolStore, elsewhere: @escaping @Sendable (@escaping @Sendable () -> Void) -> Bool = { _ in false }
    ) {
        self.store = store
        self.elsewhere = elsewhere
        segments = store.layout == .segment ? SegmentPublisher(store) : nil
    }

    /// What became of a publish at first.
    package enum Reception: Sendable {
        /// It is over, or will be: somebody finishes the operation.
        case taken
        /// It may take long: nothing was written, and the operation goes on elsewhere.
        case tooLong
        /// A queue is full: nothing was written, and it is worth another try when something has left the queue.
        case full(Queue)
    }

    private enum Attempt {
        case over(Reception)
        /// A queue is gone: the routing must be repeated.
        case gone
    }

    /// Whether a message can be written without a sync by the one who brings it: there is none, or another thread does it.
    package var canBeQuick: Bool { !store.isDurable || segments != nil }

    /// Publishes, on this thread or another one.
    ///
    /// - Parameter isQuick: only while ``canBeQuick``. What may take long is not done here. Else this may sync, and is for
    ///   a writer's thread.
    package func publish(_ operation: PublishOperation, isQuick: Bool = false) -> Reception {
        do throws(TransportError) {
            try store.health.check()
            let name = QueueName(operation.address)
            for _ in 0..<2 {
                let targets: [Queue]
                do throws(FileError) {
                    var known: Queue?
                    // To make a queue takes syncs.
                    if isQuick, store.isDurable {
                        known = store.openedQueue(name)
                        if known == nil { return .tooLong }
                    }
                    targets = try self.targets(of: operation, name, known)
                } catch {
                    guard error.isNotFound || error.isOutOfPlace else {
                        throw transportError(notWritten(operation), error)
                    }
                    operation.finish(.moved(transportError(notWritten(operation), error)))
                    return .taken
                }
                if targets.isEmpty {
                    guard operation.mandatory else {
                        operation.finish(.done)
                        return .taken
                    }
                    throw TransportError(.unroutable, "No consumer has declared \(operation.address) in the spool.")
                }
                let attempt = try write(to: targets, operation, name, isQuick: isQuick) { notWritten(operation) }
                if case .over(let reception) = attempt { return reception }
            }
            operation.finish(
                .moved(TransportError(.unavailable, "\(notWritten(operation)): its queue is being removed.")))
        } catch {
            operation.finish(.failed(error))
        }
        return .taken
    }

    private func notWritten(_ operation: PublishOperation) -> String {
        "A message to \(operation.address) was not written to the spool \(store.root.path)"
    }

    /// Ends what writers keep open.
    package func close() {
        segments?.close()
    }

    // MARK: Routing

    /// - Parameter known: the queue of that name, if the caller has it.
    private func targets(
        of operation: PublishOperation, _ name: QueueName, _ known: Queue?
    ) throws(FileError) -> [Queue] {
        func existing() throws(FileError) -> Queue? {
            if let known { known } else { try store.existingQueue(name) }
        }
        func made() throws(FileError) -> Queue {
            if let known { known } else { try store.queue(name) }
        }
        switch operation.address {
        case .topic, .server:
            // Without `mandatory` the queue is made: a spool keeps messages for consumers that are yet to come.
            guard operation.mandatory else { return [try made()] }
            guard let queue = try existing(), queue.isDeclared else { return [] }
            return [queue]
        case .mailbox:
            if let queue = try existing() { return [queue] }
            return []
        case .fanout:
            return try store.boundQueues(name)
        case .notifications, .pool:
            return [try made()] + (try store.boundQueues(name))
        }
    }

    // MARK: Room

    private func transportError(_ what: String, _ error: FileError) -> TransportError {
        error.transportError(what, at: store.root.path)
    }

    /// Takes room in every queue, or in none. The one that is full, when one is.
    private func reserve(_ bytes: Int, in targets: [Queue]) -> Queue? {
        for (index, queue) in targets.enumerated() {
            if queue.reserve(bytes: bytes, within: store.configuration) { continue }
            for taken in targets[..<index] { taken.release(bytes: bytes) }
            return queue
        }
        return nil
    }

    // MARK: Writing

    /// A message as the layout has it.
    private enum Encoding {
        case file([UInt8])
        case record(SegmentRecord)

        init(_ file: MessageFile, isRecord: Bool) {
            self = isRecord ? .record(SegmentRecord(file)) : .file(file.encoded)
        }

        /// How many bytes the message has.
        var size: Int {
            switch self {
            case .file(let bytes): bytes.count
            case .record(let record): record.payloadCount
            }
        }
    }

    private func write(
        to targets: [Queue], _ operation: PublishOperation, _ queue: QueueName, isQuick: Bool,
        orElse notWritten: () -> String
    ) throws(TransportError) -> Attempt {
        let message = operation.message
        let now = Timestamp.now.milliseconds
        let expires = message.timeToLive.map { life in now + UInt64(max(0, life.wholeMilliseconds)) }
        let encodedName = targets.first { $0.name == queue }?.encodedName ?? queue.encoded
        let encoding = Encoding(
            MessageFile(message: message, queue: encodedName, published: now), isRecord: segments != nil)
        let size = encoding.size
        guard size <= store.configuration.maximumMessageBytes else {
            throw TransportError(
                .messageTooLarge,
                "A message of \(size) bytes to \(operation.address) is over the spool's limit of "
                    + "\(store.configuration.maximumMessageBytes) bytes (max_message_bytes).")
        }
        try store.checkSpace(for: size)
        if let full = reserve(size, in: targets) {
            guard !isQuick else { return .over(.tooLong) }
            recount(full)
            // The recount may have found room that the counters did not know of.
            if let full = reserve(size, in: targets) { return .over(.full(full)) }
        }
        do throws(FileError) {
            if store.isDurable {
                if isQuick, targets.contains(where: { !$0.name.isEphemeral && !$0.isEntrySynced }) {
                    for queue in targets { queue.release(bytes: size) }
                    return .over(.tooLong)
                }
                for queue in targets where !queue.name.isEphemeral { try queue.syncEntry(in: store.queues) }
            }
        } catch {
            for queue in targets { queue.release(bytes: size) }
            store.health.failed(error)
            throw transportError(notWritten(), error)
        }
        guard operation.begin() else {
            for queue in targets { queue.release(bytes: size) }
            operation.finish(.abandoned)
            return .over(.taken)
        }
        let name = store.nextName(size: size, expires: expires)
        let bytes: [UInt8]
        switch encoding {
        case .file(let file): bytes = file
        case .record(let record):
            segments?.append(record.finished(name), name, to: targets, operation) { writer in
                if isQuick, store.isDurable, leadsElsewhere(writer) { return }
                while writer.lead() {}
            }
            return .over(.taken)
        }
        do throws(FileError) {
            try MaildirWriter(store).write(bytes, name, to: targets, operation)
            return .over(.taken)
        } catch {
            for queue in targets { queue.release(bytes: size) }
            store.health.failed(error)
            guard error.isNotFound else { throw transportError(notWritten(), error) }
            for queue in targets { store.forget(queue) }
            return .gone
        }
    }

    /// Behind what else those threads have to do, each time. `false` when there are none.
    private func leadsElsewhere(_ writer: SegmentWriter) -> Bool {
        elsewhere {
            guard writer.lead(), !leadsElsewhere(writer) else { return }
            while writer.lead() {}
        }
    }

    private func recount(_ queue: Queue) {
        let layout = store.layout
        do throws(FileError) {
            try queue.limitingCounts { () throws(FileError) in
                switch layout {
                case .maildir: try queue.recountFiles()
                case .segment: try SegmentCensus(queue).recount()
                }
            }
        } catch {
            // The counters stay as they are: too strict at worst.
        }
    }

    // MARK: One queue

    /// Puts a message into one queue, whatever address it was published to. Blocks until it is on the disk.
    func put(_ message: Message, in name: QueueName) throws(TransportError) {
        let result = Locked<PublishOperation.Outcome?>(nil)
        let operation = PublishOperation(message, to: name.address ?? .pool(name.parts[0], of: Topic(""))) { outcome in
            result.withLock { $0 = outcome }
        }
        let notWritten = "A message was not put into \(name)"
        let queue: Queue
        do throws(FileError) {
            queue = try store.queue(name)
        } catch {
            throw transportError(notWritten, error)
        }
        // With nobody else publishing through this store, the syncs run on this thread and the result is there.
        let attempt = try write(to: [queue], operation, QueueName(operation.address), isQuick: false) { notWritten }
        if case .over(.full) = attempt {
            throw TransportError(.exhausted, "\(notWritten): it is full.")
        }
        switch result.withLock({ $0 }) {
        case .done: return
        case .failed(let error), .moved(let error): throw error
        case .abandoned, nil: throw TransportError(.unavailable, "\(notWritten): its queue is being removed.")
        }
    }
}
