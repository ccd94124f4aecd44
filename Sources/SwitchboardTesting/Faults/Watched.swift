import SwitchboardCore

/// A value that tasks change and others wait for.
final class Watched<Value: Sendable>: Sendable {
    private struct State {
        var value: Value
        var nextID: UInt64 = 0
        var waiters: [UInt64: (isWanted: @Sendable (Value) -> Bool, CheckedContinuation<Bool, Never>)] = [:]
    }

    private let state: Locked<State>

    init(_ value: Value) {
        state = Locked(State(value: value))
    }

    var value: Value { state.withLock { $0.value } }

    /// Changes the value, and wakes whoever waits for what it is now.
    func change<Result: Sendable>(_ body: @Sendable (inout Value) -> Result) -> Result {
        let (result, woken): (Result, [CheckedContinuation<Bool, Never>]) = state.withLock { state in
            let result = body(&state.value)
            let due = state.waiters.filter { $0.value.isWanted(state.value) }
            for id in due.keys { state.waiters[id] = nil }
            return (result, due.values.map(\.1))
        }
        for waiter in woken { waiter.resume(returning: true) }
        return result
    }

    /// Waits for such a value; `false` when the deadline passed or the task was cancelled before.
    func wait(
        until deadline: ContinuousClock.Instant? = nil, for isWanted: @escaping @Sendable (Value) -> Bool
    ) async -> Bool {
        let id: UInt64? = state.withLock { state in
            if isWanted(state.value) { return nil }
            state.nextID += 1
            return state.nextID
        }
        guard let id else { return true }
        return await withTaskGroup(of: Void.self) { group in
            if let deadline {
                group.addTask {
                    try? await Task.sleep(until: deadline, clock: .continuous)
                    self.giveUp(id)
                }
            }
            let result = await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    enter(id, deadline, isWanted, continuation)
                }
            } onCancel: {
                giveUp(id)
            }
            group.cancelAll()
            return result
        }
    }

    private func enter(
        _ id: UInt64, _ deadline: ContinuousClock.Instant?, _ isWanted: @escaping @Sendable (Value) -> Bool,
        _ continuation: CheckedContinuation<Bool, Never>
    ) {
        let result: Bool? = state.withLock { state in
            if isWanted(state.value) { return true }
            if Task.isCancelled || deadline.map({ $0 <= .now }) == true { return false }
            state.waiters[id] = (isWanted, continuation)
            return nil
        }
        if let result { continuation.resume(returning: result) }
    }

    private func giveUp(_ id: UInt64) {
        let waiter = state.withLock { $0.waiters.removeValue(forKey: id)?.1 }
        waiter?.resume(returning: false)
    }
}
