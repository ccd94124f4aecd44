import SwitchboardCore

/// The connection that a ``FaultyDriver`` pretends to have: up, down, or half-open.
final class FaultyLine: Sendable {
    enum Condition: Sendable, Hashable {
        case up
        /// Lost; a new one comes.
        case down
        /// Nothing moves, and nobody has noticed.
        case halfOpen
        /// `run()` has ended.
        case over
    }

    private struct State {
        var condition = Condition.up
        /// Counts connections; what belongs to an earlier one is lost.
        var epoch = 0
        var nextID: UInt64 = 0
        var waiters: [UInt64: (isWanted: @Sendable (Condition, Int) -> Bool, CheckedContinuation<Bool, Never>)] = [:]
    }

    private let state = Locked(State())

    var epoch: Int { state.withLock { $0.epoch } }
    var condition: Condition { state.withLock { $0.condition } }

    /// Changes the condition where `from` is the present one; whether it was.
    @discardableResult
    func change(from: Condition..., to condition: Condition) -> Bool {
        let (changed, woken): (Bool, [CheckedContinuation<Bool, Never>]) = state.withLock { state in
            guard from.contains(state.condition), state.condition != condition else { return (false, []) }
            state.condition = condition
            if condition == .down { state.epoch += 1 }
            let due = state.waiters.filter { $0.value.isWanted(state.condition, state.epoch) }
            for id in due.keys { state.waiters[id] = nil }
            return (true, due.values.map(\.1))
        }
        for waiter in woken { waiter.resume(returning: true) }
        return changed
    }

    /// Waits for a condition; `false` when the deadline passed or the task was cancelled before.
    func wait(
        until deadline: ContinuousClock.Instant?, for isWanted: @escaping @Sendable (Condition, Int) -> Bool
    ) async -> Bool {
        let id: UInt64? = state.withLock { state in
            if isWanted(state.condition, state.epoch) { return nil }
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
        _ id: UInt64, _ deadline: ContinuousClock.Instant?, _ isWanted: @escaping @Sendable (Condition, Int) -> Bool,
        _ continuation: CheckedContinuation<Bool, Never>
    ) {
        let result: Bool? = state.withLock { state in
            if isWanted(state.condition, state.epoch) { return true }
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
