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

    private struct Line: Sendable {
        var condition = Condition.up
        /// Counts connections; what belongs to an earlier one is lost.
        var epoch = 0
        /// The subscriptions that stand on a connection, this one or the one that was lost.
        var subscriptions = 0
    }

    private let line = Watched(Line())

    var epoch: Int { line.value.epoch }
    var condition: Condition { line.value.condition }

    /// Changes the condition where `from` is the present one; whether it was.
    @discardableResult
    func change(from: Condition..., to condition: Condition) -> Bool {
        line.change { line in
            guard from.contains(line.condition), line.condition != condition else { return false }
            line.condition = condition
            if condition == .down { line.epoch += 1 }
            return true
        }
    }

    /// A subscription begins on the present connection, whose number is returned; `nil`: there is none.
    func enter() -> Int? {
        line.change { line in
            guard line.condition != .down else { return nil }
            line.subscriptions += 1
            return line.epoch
        }
    }

    /// A subscription has left the connection that it began on.
    func leave() {
        line.change { $0.subscriptions -= 1 }
    }

    /// Waits until nothing stands on the lost connection any more: a message of the next one would be lost with it.
    func waitUntilLeft() async {
        _ = await line.wait { $0.subscriptions == 0 || $0.condition != .down }
    }

    /// Waits for a condition; `false` when the deadline passed or the task was cancelled before.
    func wait(
        until deadline: ContinuousClock.Instant?, for isWanted: @escaping @Sendable (Condition, Int) -> Bool
    ) async -> Bool {
        await line.wait(until: deadline) { isWanted($0.condition, $0.epoch) }
    }
}
