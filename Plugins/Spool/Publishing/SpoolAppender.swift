package import Logging
package import SwitchboardCore

/// Appends groups of messages to one queue of a spool of the layout `segment`, for a process that is the spool's only user:
/// a few system calls a group, whatever the number of its messages.
///
/// Readers see a group's messages when all of them are written. A process that dies leaves the groups before that.
package final class SpoolAppender: Sendable {
    private let store: SpoolStore
    private let queue: Queue
    private let encodedName: String
    private let writer: SegmentWriter
    private let thread: WorkerThreads

    private init(_ store: SpoolStore, _ queue: Queue, _ thread: WorkerThreads) {
        self.store = store
        self.queue = queue
        encodedName = queue.name.encoded
        writer = SegmentWriter(queue, store, gathers: false)
        self.thread = thread
    }

    /// Opens the spool and its queue, or makes what isn't there, and gives back what dead processes held.
    ///
    /// Throws `conflict` when another process uses the spool.
    package static func open(
        _ configuration: SpoolConfiguration, queue topic: Topic, logger: Logger
    ) async throws(TransportError) -> SpoolAppender {
        let thread = WorkerThreads(count: 1)
        do throws(TransportError) {
            let opening = await thread.run {
                Result { () throws(TransportError) in try open(configuration, topic, thread, logger) }
            }
            guard let opening else { throw closed }
            return try opening.get()
        } catch {
            await thread.stop()
            throw error
        }
    }

    private static let closed = TransportError(.closed, "The spool was closed.")

    private static func open(
        _ configuration: SpoolConfiguration, _ topic: Topic, _ thread: WorkerThreads, _ logger: Logger
    ) throws(TransportError) -> SpoolAppender {
        let store = try SpoolStore(configuration, logger: logger)
        do throws(TransportError) {
            guard store.layout == .segment else {
                throw TransportError(
                    .conflict, "The spool \(configuration.directory) has the layout \(store.layout), not segment.")
            }
            let (other, queue) = try reported(configuration) { () throws(FileError) in
                try store.reap()
                let other = try store.owners.names().first { $0 != store.owner.name }
                return (other, try store.queue(QueueName(.topic(topic))))
            }
            if let other {
                throw TransportError(
                    .conflict,
                    "The process \(other.prefix { $0 != "-" }) uses the spool \(configuration.directory); wait for its end."
                )
            }
            return SpoolAppender(store, queue, thread)
        } catch {
            store.owner.leave()
            throw error
        }
    }

    private static func reported<Result>(
        _ configuration: SpoolConfiguration, _ body: () throws(FileError) -> Result
    ) throws(TransportError) -> Result {
        do throws(FileError) {
            return try body()
        } catch {
            throw error.transportError(
                "The spool \(configuration.directory) cannot be opened", at: configuration.directory)
        }
    }

    /// What became of a group.
    package struct Outcome: Sendable {
        /// How many of its messages are written: the first ones.
        package var written = 0
        /// Why the others are not.
        package var failure: TransportError?
    }

    /// A message as it will lie on the disk. To be made on any thread.
    package func encode(_ message: Message) -> [UInt8] {
        MessageFile(message: message, queue: encodedName, published: Timestamp.now.milliseconds).encoded
    }

    /// Writes messages in their order, and returns when the spool has them. Isn't cut short by cancellation.
    ///
    /// - Parameter group: what ``encode(_:)`` made. Call this for one group after the other.
    package func append(_ group: [[UInt8]]) async -> Outcome {
        let outcome = await thread.run { [self] in
            var outcome = Outcome()
            var rest = group[...]
            while !rest.isEmpty, outcome.failure == nil {
                // As much as the writer writes at once, so that all of it is there or nothing.
                var bytes = 0
                let part = rest.prefix { message in
                    defer { bytes += SegmentFormat.recordLength(payload: message.count) }
                    return bytes < SegmentWriter.groupBytes
                }
                rest = rest.dropFirst(part.count)
                outcome.failure = write(part)
                if outcome.failure == nil { outcome.written += part.count }
            }
            return outcome
        }
        return outcome ?? Outcome(failure: Self.closed)
    }

    private func write(_ group: ArraySlice<[UInt8]>) -> TransportError? {
        do throws(TransportError) {
            try store.health.check()
            try store.checkSpace(for: group.reduce(0) { $0 + $1.count })
        } catch {
            return error
        }
        let most = store.configuration.maximumMessageBytes
        if let large = group.first(where: { $0.count > most }) {
            return TransportError(
                .messageTooLarge, "A message of \(large.count) bytes is over the spool's limit of \(most) bytes.")
        }
        for (index, message) in group.enumerated()
        where !queue.reserve(bytes: message.count, within: store.configuration) {
            for taken in group.prefix(index) { queue.release(bytes: taken.count) }
            return TransportError(.exhausted, "The queue \(queue.name) of the spool is full.")
        }
        let failure = Locked<TransportError?>(nil)
        for message in group {
            let name = store.nextName(size: message.count, expires: nil)
            _ = writer.append(SegmentFormat.record(message, name), name) { [queue] reason in
                guard let reason else { return }
                queue.release(bytes: message.count)
                failure.withLock { failure in
                    switch reason {
                    case .moved(let error), .failed(let error): failure = failure ?? error
                    }
                }
            }
        }
        // On this thread, so that all of them have been settled behind it.
        while writer.lead() {}
        return failure.withLock { $0 }
    }

    /// Closes the segment and leaves the spool, when everything that was appended is written.
    package func close() async {
        _ = await thread.run { [self] in
            _ = writer.close()
            store.owner.leave()
        }
        await thread.stop()
    }
}
