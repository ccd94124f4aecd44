internal import Glibc
internal import SwitchboardCore

/// Marks records of one open segment as done, on whatever thread, until its reader closes it.
final class FinishedRecords: Sendable {
    private struct State {
        var isClosed = false
        var offsets: [Int] = []
    }

    private let segment: SegmentFile
    private let state = Locked(State())

    init(_ segment: SegmentFile) {
        self.segment = segment
    }

    /// Marks a record that is locked by us, then unlocks it. ENOENT when the segment was closed: the lock went then.
    func finish(_ offset: Int, attempts: Int) throws(FileError) {
        // Two short calls under the lock: the descriptor is ours until both are made.
        try state.withLock { state throws(FileError) in
            guard !state.isClosed else { throw FileError("finish a record of \(segment.file.path)", ENOENT) }
            try segment.finish(offset, attempts: attempts)
            segment.unlock(offset)
            state.offsets.append(offset)
        }
    }

    /// Those that were finished since the last time.
    func takeFinished() -> [Int] {
        state.withLock { state in
            guard !state.offsets.isEmpty else { return [] }
            defer { state.offsets = [] }
            return state.offsets
        }
    }

    func close() {
        state.withLock { state in
            guard !state.isClosed else { return }
            state.isClosed = true
            segment.file.closeQuietly()
        }
    }
}
