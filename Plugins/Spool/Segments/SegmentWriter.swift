internal import Glibc
internal import SwitchboardCore

/// Appends to one queue: whoever comes while a group is being synced is in the next group.
final class SegmentWriter: Sendable {
    private struct Pending {
        let record: [UInt8]
        let name: MessageName
        let completion: @Sendable (TransportError?) -> Void
    }

    /// The segment being written, and where the next record goes.
    private struct Current {
        let name: String
        let file: OpenFile
        var end: Int
    }

    private struct State {
        var pending: [Pending] = []
        var isRunning = false
        var current: Current?
        var isClosed = false
    }

    /// How much one group writes at most, in bytes.
    private static let groupBytes = 4 << 20
    /// How many groups a leader writes before others have its thread.
    static let turn = 32

    let queue: Queue
    private let store: SpoolStore
    private let isDurable: Bool
    private let state = Locked(State())

    init(_ queue: Queue, _ store: SpoolStore) {
        self.queue = queue
        self.store = store
        isDurable = store.isDurable && !queue.name.isEphemeral
    }

    /// What a record meets.
    enum Reception {
        /// Somebody writes it.
        case taken
        /// The caller has ``lead()`` run.
        case leads
        /// The writer was closed.
        case closed
    }

    /// Takes a record; `completion` is called when its group is on the disk.
    func append(
        _ record: [UInt8], _ name: MessageName, _ completion: @escaping @Sendable (TransportError?) -> Void
    ) -> Reception {
        state.withLock { state in
            if state.isClosed { return .closed }
            state.pending.append(Pending(record: record, name: name, completion: completion))
            defer { state.isRunning = true }
            return state.isRunning ? .taken : .leads
        }
    }

    /// Closes the segment for good, so that its readers can remove it. `false`: it is being written.
    func close() -> Bool {
        let (isIdle, current): (Bool, Current?) = state.withLock { state in
            guard !state.isRunning else { return (false, nil) }
            state.isClosed = true
            defer { state.current = nil }
            return (true, state.current)
        }
        if let current { seal(current) }
        return isIdle
    }

    /// Writes what there is and what comes meanwhile, for a while: queues may be more than threads, and each is to have its
    /// turn.
    ///
    /// - Returns: whether the caller has it run again, as there is more. Nobody else leads until then.
    func lead() -> Bool {
        for _ in 0..<Self.turn {
            let (group, taken): ([Pending], Current?) = state.withLock { state in
                var bytes = 0
                var count = 0
                while count < state.pending.count, bytes < Self.groupBytes {
                    bytes += state.pending[count].record.count
                    count += 1
                }
                let group = Array(state.pending[..<count])
                state.pending.removeFirst(count)
                if group.isEmpty { state.isRunning = false }
                return (group, state.current)
            }
            guard !group.isEmpty else { return false }
            var current = taken
            let failure = write(group, &current)
            state.withLock { $0.current = current }
            for pending in group { pending.completion(failure) }
        }
        return true
    }

    private func write(_ group: [Pending], _ current: inout Current?) -> TransportError? {
        let what = "A message was not written to \(queue.name) of the spool"
        for attempt in 0..<2 {
            do throws(FileError) {
                try append(group, &current)
                store.health.succeeded()
                return nil
            } catch {
                store.health.failed(error)
                // A segment that could not be synced is given up, at the end of what was accepted; the group is written
                // once more, from memory, to a new one.
                let isLast = attempt == 1 || !error.isDeviceError || store.health.readOnlyReason != nil
                if isLast { return error.transportError(what) }
            }
        }
        return nil
    }

    private func append(_ group: [Pending], _ current: inout Current?) throws(FileError) {
        if let full = current, full.end >= store.configuration.segmentBytes {
            seal(full)
            current = nil
        }
        var segment = if let current { current } else { try begin(with: group[0].name) }
        current = segment
        var bytes: [UInt8] = []
        bytes.reserveCapacity(group.reduce(0) { $0 + $1.record.count })
        for pending in group { bytes += pending.record }
        var isSuspect = false
        do throws(FileError) {
            try segment.file.write(bytes, at: segment.end)
            if isDurable {
                isSuspect = true
                try segment.file.synchronize(dataOnly: true)
                isSuspect = false
            }
            segment.end += bytes.count
            try commit(segment)
            current = segment
        } catch {
            // What may have reached the file was not accepted and must not appear.
            if let before = current { segment = before }
            _ = segment.file.operations.truncate(segment.file.descriptor, to: segment.end)
            // A full disk spoils nothing when the write says so. After a failed sync no later one can be believed.
            if isSuspect || !error.isDiskFull {
                seal(segment)
                current = nil
            }
            throw error
        }
    }

    private func begin(with first: MessageName) throws(FileError) -> Current {
        let name = SegmentFile.name(first, owner: store.owner.name)
        let temporary = store.temporaryName("segment")
        let file = try store.temporary.file(temporary, flags: O_RDWR | O_CREAT | O_EXCL)
        do throws(FileError) {
            var header = SegmentFormat.magic
            header.append(littleEndian: UInt64(SegmentFormat.headerLength))
            header += [UInt8](repeating: 0, count: SegmentFormat.headerLength - header.count)
            try file.write(header, at: 0)
            if isDurable { try file.synchronize(dataOnly: false) }
            try store.temporary.rename(temporary, to: queue.ready, as: name)
            if isDurable { try queue.ready.synchronize() }
        } catch {
            file.closeQuietly()
            try? store.temporary.unlink(temporary)
            throw error
        }
        return Current(name: name, file: file, end: SegmentFormat.headerLength)
    }

    /// Tells readers how far they may read. Not synced: after a crash the checksums say it.
    private func commit(_ segment: Current) throws(FileError) {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt64(segment.end))
        try segment.file.write(bytes, at: SegmentFormat.committedOffset)
    }

    private func seal(_ segment: Current) {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt64(1))
        // Where this fails, the segment is closed when its writer is dead.
        try? segment.file.write(bytes, at: SegmentFormat.sealedOffset)
        segment.file.closeQuietly()
    }
}

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
        _ payload: [UInt8], _ name: MessageName, to targets: [Queue], _ operation: PublishOperation,
        lead: (SegmentWriter) -> Void
    ) {
        guard payload.count <= Int(UInt32.max) - 64 else {
            for queue in targets { queue.release(bytes: payload.count) }
            return operation.finish(
                .failed(TransportError(.messageTooLarge, "A record of a segment has at most 4 GiB.")))
        }
        let record = SegmentFormat.record(payload, name)
        operation.expect(targets.count)
        for queue in targets {
            let completion: @Sendable (TransportError?) -> Void = { failure in
                if failure != nil { queue.release(bytes: payload.count) }
                operation.settled(failure)
            }
            taking: while true {
                let writer = writer(for: queue)
                switch writer.append(record, name, completion) {
                case .taken: break taking
                case .leads:
                    lead(writer)
                    break taking
                case .closed: continue
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

    private func writer(for queue: Queue) -> SegmentWriter {
        let (writer, old): (SegmentWriter, SegmentWriter?) = state.withLock { state in
            state.clock += 1
            if let known = state.writers[queue.name] {
                if known.writer.queue === queue || isSame(known.writer.queue, queue) {
                    state.writers[queue.name]?.used = state.clock
                    if !known.writer.isClosed { return (known.writer, nil) }
                }
            }
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

extension SegmentWriter {
    var isClosed: Bool { state.withLock { $0.isClosed } }
}
