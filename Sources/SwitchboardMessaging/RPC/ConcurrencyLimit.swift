import DequeModule
import SwitchboardCore

/// At most so many at work at a time; the others wait in line. Who works in a task of ``start(_:)`` can be cancelled with all
/// others of those.
///
/// Waiting is not cancelled: who is at work ends when cancelled, and so does the wait.
final class ConcurrencyLimit: Sendable {
    private struct State {
        var active = 0
        var line: Deque<CheckedContinuation<Void, Never>> = []
        var idleWaiters: [CheckedContinuation<Void, Never>] = []
        var tasks: [UInt64: Task<Void, Never>] = [:]
        var nextID: UInt64 = 0
        var isCancelled = false
    }

    private let maximum: Int
    private let state = Locked(State())

    init(_ maximum: Int) {
        self.maximum = maximum
    }

    func enter() async {
        let entered = state.withLock { state in
            guard state.active < maximum else { return false }
            state.active += 1
            return true
        }
        if entered { return }
        await withCheckedContinuation { continuation in
            let entered = state.withLock { state in
                guard state.active >= maximum else {
                    state.active += 1
                    return true
                }
                state.line.append(continuation)
                return false
            }
            if entered { continuation.resume() }
        }
    }

    func leave() {
        leave(nil)
    }

    private func leave(_ id: UInt64?) {
        let resumed: [CheckedContinuation<Void, Never>] = state.withLock { state in
            if let id { state.tasks[id] = nil }
            if let next = state.line.popFirst() { return [next] }
            state.active -= 1
            guard state.active == 0 else { return [] }
            defer { state.idleWaiters = [] }
            return state.idleWaiters
        }
        for continuation in resumed { continuation.resume() }
    }

    /// Does `work` in a task of its own, for the one who has entered, who leaves with its end.
    func start(_ work: @escaping @Sendable () async -> Void) {
        let late: Task<Void, Never>? = state.withLock { state in
            let id = state.nextID
            state.nextID += 1
            let task = Task {
                await work()
                self.leave(id)
            }
            state.tasks[id] = task
            return state.isCancelled ? task : nil
        }
        late?.cancel()
    }

    /// Cancels what was started, and what will be.
    func cancelAll() {
        let tasks = state.withLock { state in
            state.isCancelled = true
            return Array(state.tasks.values)
        }
        for task in tasks { task.cancel() }
    }

    /// Returns when nobody is at work.
    func waitUntilIdle() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                guard state.active > 0 else { return true }
                state.idleWaiters.append(continuation)
                return false
            }
            if isIdle { continuation.resume() }
        }
    }
}
