internal import Glibc
internal import SwitchboardCore

/// The writers of a process, one for each queue it publishes to; those not used for long are closed.
final class SegmentPublisher: Sendable {
    private struct State {
        var writers: [QueueName: (writer: SegmentWriter, used: UInt64)] = [:]
        var clock: UInt64 = 0
    }

    /// How many segments are kept open for writing.
    private static let limit = 256

    private let store: SpoolStore
    private let state = Locked(State())

    init(_ store: SpoolStore) {
        self.store = store
    }

    /// - Parameter lead: has the writer's ``SegmentWriter/lead()`` run to its end, which may sync.
    func append(
        _ record: [UInt8], _ name: MessageName, to targets: [Queue], _ operation: PublishOperation,
        lead: (SegmentWriter) -> Void
    ) {
        let settled = operation.settling(targets.count)
        for queue in targets {
            let isOneOfMany = targets.count > 1
            let completion: @Sendable (PublishFailure?) -> Void = { failure in
                if failure != nil { queue.release(bytes: name.size) }
                // A subscriber that left meanwhile gets no copy, and the others theirs once.
                if case .moved = failure, isOneOfMany, queue.name.isEphemeral { return settled(nil) }
                settled(failure)
            }
            var closed: SegmentWriter?
            taking: while true {
                let writer = writer(for: queue, insteadOf: closed)
                switch writer.append(record, name, completion) {
                case .taken: break taking
                case .leads:
                    lead(writer)
                    break taking
                case .closed: closed = writer
                }
            }
        }
    }

    func close() {
        let writers = state.withLock { state in
            defer { state.writers = [:] }
            return state.writers.values.map(\.writer)
        }
        for writer in writers { _ = writer.close() }
    }

    private func writer(for queue: Queue, insteadOf closed: SegmentWriter?) -> SegmentWriter {
        let (writer, old): (SegmentWriter, SegmentWriter?) = state.withLock { state in
            if let known = state.writers[queue.name], known.writer !== closed,
                known.writer.queue === queue || isSame(known.writer.queue, queue)
            {
                if known.used < state.clock {
                    state.clock += 1
                    state.writers[queue.name]?.used = state.clock
                }
                return (known.writer, nil)
            }
            state.clock += 1
            let replaced = state.writers[queue.name]?.writer
            let writer = SegmentWriter(queue, store)
            state.writers[queue.name] = (writer, state.clock)
            if replaced == nil, state.writers.count > Self.limit,
                let oldest = state.writers.min(by: { $0.value.used < $1.value.used }),
                state.writers.removeValue(forKey: oldest.key) != nil
            {
                return (writer, oldest.value.writer)
            }
            return (writer, replaced)
        }
        if let old, !old.close() {
            // It is in use: it stays open until the process ends, and readers close it then.
        }
        return writer
    }

    /// Whether two handles are of one directory: that of a mailbox may have gone and come again.
    private func isSame(_ one: Queue, _ other: Queue) -> Bool {
        guard let first = try? one.ready.status(), let second = try? other.ready.status() else { return false }
        return first.st_ino == second.st_ino && first.st_nlink > 0
    }
}
