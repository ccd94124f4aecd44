import SwitchboardCore

/// A clock that stands still until it is told to advance.
public final class ManualClock: Clock {
    public struct Instant: InstantProtocol {
        /// Since the clock was made.
        public let offset: Swift.Duration

        public func advanced(by duration: Swift.Duration) -> Instant {
            Instant(offset: offset + duration)
        }

        public func duration(to other: Instant) -> Swift.Duration {
            other.offset - offset
        }

        public static func < (one: Instant, other: Instant) -> Bool {
            one.offset < other.offset
        }
    }

    private struct State {
        var now = Instant(offset: .zero)
        var nextID: UInt64 = 0
        var sleepers: [UInt64: (wakes: Instant, continuation: CheckedContinuation<Void, any Error>)] = [:]
        var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Locked(State())

    public init() {}

    public var now: Instant {
        state.withLock { $0.now }
    }

    public var minimumResolution: Swift.Duration { .zero }

    /// How many tasks sleep.
    public var sleepers: Int {
        state.withLock { $0.sleepers.count }
    }

    /// Turns the clock, and wakes whose time has come, the earliest first.
    public func advance(by duration: Swift.Duration) {
        precondition(duration >= .zero, "A clock does not go back: \(duration).")
        let woken: [CheckedContinuation<Void, any Error>] = state.withLock { state in
            state.now = state.now.advanced(by: duration)
            let due = state.sleepers.filter { $0.value.wakes <= state.now }.sorted { $0.value.wakes < $1.value.wakes }
            for (id, _) in due { state.sleepers[id] = nil }
            return due.map(\.value.continuation)
        }
        for continuation in woken { continuation.resume() }
    }

    /// Returns once at least so many tasks sleep; so a test knows that what it turns the clock for has begun.
    public func waitForSleepers(_ count: Int = 1) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.sleepers.count >= count { return true }
                state.watchers.append((count, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    public func sleep(until deadline: Instant, tolerance: Swift.Duration? = nil) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                enter(id, deadline, continuation)
                if Task.isCancelled { leave(id) }
            }
        } onCancel: {
            leave(id)
        }
    }

    private func enter(_ id: UInt64, _ deadline: Instant, _ continuation: CheckedContinuation<Void, any Error>) {
        let (isOver, watchers): (Bool, [CheckedContinuation<Void, Never>]) = state.withLock { state in
            guard deadline > state.now else { return (true, []) }
            state.sleepers[id] = (deadline, continuation)
            let count = state.sleepers.count
            let satisfied = state.watchers.filter { $0.count <= count }.map(\.continuation)
            state.watchers.removeAll { $0.count <= count }
            return (false, satisfied)
        }
        if isOver { continuation.resume() }
        for watcher in watchers { watcher.resume() }
    }

    private func leave(_ id: UInt64) {
        let continuation = state.withLock { $0.sleepers.removeValue(forKey: id)?.continuation }
        continuation?.resume(throwing: CancellationError())
    }
}
