internal import DequeModule
internal import Glibc
internal import SwitchboardCore

/// Appends to one queue: what comes while a group is being synced is in the next group.
final class SegmentWriter: Sendable {
    private struct Pending {
        let record: [UInt8]
        let name: MessageName
        let completion: @Sendable (PublishFailure?) -> Void
    }

    /// The segment being written, and where the next record goes.
    private struct Current {
        let file: OpenFile
        /// Where the file is, as long as nobody removes, renames or replaces what leads there.
        let place: HeldPath
        var end: Int
    }

    private struct State {
        var pending: Deque<Pending> = []
        var isRunning = false
        /// Whether the leader sleeps until as many are pending as the next group expects.
        var isGathering = false
        var wait = GroupWait()
        var current: Current?
        var isClosed = false
    }

    /// How much one group writes at most, in bytes.
    static let groupBytes = 4 << 20
    /// How many groups a leader writes before others have its thread.
    static let turn = 32

    let queue: Queue
    private let store: SpoolStore
    private let isDurable: Bool
    private let gathers: Bool
    private let state = LockedCondition(State())

    /// - Parameter gathers: whether groups wait for publishers that are about to come.
    init(_ queue: Queue, _ store: SpoolStore, gathers: Bool = true) {
        self.queue = queue
        self.store = store
        isDurable = store.isDurable && !queue.name.isEphemeral
        self.gathers = gathers && isDurable
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
        _ record: [UInt8], _ name: MessageName, _ completion: @escaping @Sendable (PublishFailure?) -> Void
    ) -> Reception {
        state.withLock(waking: { (state, _) in
            if state.isClosed { return (.closed, false) }
            state.pending.append(Pending(record: record, name: name, completion: completion))
            defer { state.isRunning = true }
            let isLast = state.isGathering && state.pending.count >= state.wait.expected
            return (state.isRunning ? .taken : .leads, isLast)
        })
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
            let waited = gathers ? gather() : .zero
            let (group, taken) = nextGroup()
            guard !group.isEmpty else { return false }
            var current = taken
            let start = ContinuousClock.now
            let failure = write(group, &current)
            let end = ContinuousClock.now
            state.withLock { state in
                state.current = current
                state.wait.groupEnded(group.count, arrived: state.pending.count, after: end - start, waited: waited)
            }
            for pending in group { pending.completion(failure) }
        }
        return true
    }

    /// Waits for those that are about to come, as long as they do; returns for how long.
    private func gather() -> Duration {
        let start = ContinuousClock.now
        var waited = Duration.zero
        while true {
            let (limit, before): (Duration?, Int) = state.withLock { state in
                let limit = state.wait.limit(pending: state.pending.count, waited: waited)
                state.isGathering = limit != nil
                return (limit, state.pending.count)
            }
            guard let limit else { return waited }
            let isComplete: Bool? = state.wait(atMost: limit) { state in
                state.pending.count >= state.wait.expected ? true : nil
            }
            let isOver = state.withLock { state in
                state.isGathering = false
                if isComplete == nil, state.pending.count == before { state.wait.giveUp() }
                return state.pending.count >= state.wait.expected
            }
            waited = .now - start
            if isOver { return waited }
        }
    }

    /// What is written next. If there is nothing to write, the writer has no leader any more.
    private func nextGroup() -> ([Pending], Current?) {
        state.withLock { state in
            var bytes = 0
            var count = 0
            while count < state.pending.count, bytes < Self.groupBytes {
                bytes += state.pending[count].record.count
                count += 1
            }
            let group = Array(state.pending.prefix(count))
            state.pending.removeFirst(count)
            if group.isEmpty { state.isRunning = false }
            return (group, state.current)
        }
    }

    private func write(_ group: [Pending], _ current: inout Current?) -> PublishFailure? {
        let what = "A message was not written to \(queue.name) of the spool \(store.root.path)"
        for attempt in 0..<2 {
            do throws(FileError) {
                try append(group, &current)
                store.health.succeeded()
                return nil
            } catch {
                store.health.failed(error)
                if error.isOutOfPlace {
                    // A segment that was removed alone has a successor; what else is gone has to be found again.
                    if attempt == 0, queue.place.isHere { continue }
                    store.forget(queue)
                    return .moved(error.transportError(what))
                }
                // A segment that could not be synced is given up, at the end of what was accepted; the group is written
                // once more, from memory, to a new one.
                let isLast = attempt == 1 || !error.isDeviceError || store.health.readOnlyReason != nil
                if isLast { return .failed(error.transportError(what, at: store.root.path)) }
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
            // Once for the whole group, after its sync and before anybody may read it: a file that is open can be written
            // and synced long after it was removed. A queue that dies with its subscribers was looked for a moment ago.
            if !queue.name.isEphemeral { try segment.place.check() }
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
            let place = HeldPath(
                "\(queue.ready.path)/\(name)", FileIdentity(try file.status()), operations: store.operations)
            let start = SegmentFormat.headerLength
            try file.write(SegmentHeader(committed: start, isSealed: false).encoded, at: 0)
            if isDurable { try file.synchronize(dataOnly: false) }
            try store.temporary.rename(temporary, to: queue.ready, as: name)
            if isDurable { try queue.ready.synchronize() }
            return Current(file: file, place: place, end: start)
        } catch {
            file.closeQuietly()
            try? store.temporary.unlink(temporary)
            throw error
        }
    }

    /// Tells readers how far they may read. Not synced: after a crash the checksums say it.
    private func commit(_ segment: Current) throws(FileError) {
        let header = SegmentHeader(committed: segment.end, isSealed: false)
        try segment.file.write(header.copies, at: SegmentHeader.copiesOffset)
    }

    private func seal(_ segment: Current) {
        let header = SegmentHeader(committed: segment.end, isSealed: true)
        // Where this fails, the segment is closed when its writer is dead.
        try? segment.file.write(header.copies, at: SegmentHeader.copiesOffset)
        segment.file.closeQuietly()
    }
}
