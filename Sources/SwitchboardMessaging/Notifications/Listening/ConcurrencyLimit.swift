import DequeModule
import SwitchboardCore

/// At most so many at work at a time; the others wait in line.
///
/// Waiting is not cancelled: who is at work ends when cancelled, and so does the wait.
final class ConcurrencyLimit: Sendable {
    private struct State {
        var active = 0
        var line: Deque<CheckedContinuation<Void, Never>> = []
        var idleWaiters: [CheckedContinuation<Void, Never>] = []
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
        let resumed: [CheckedContinuation<Void, Never>] = state.withLock { state in
            if let next = state.line.popFirst() { return [next] }
            state.active -= 1
            guard state.active == 0 else { return [] }
            defer { state.idleWaiters = [] }
            return state.idleWaiters
        }
        for continuation in resumed { continuation.resume() }
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
