import DequeModule
import SwitchboardCore

/// Ids that were seen lately, bounded in number and age: a request that comes again is known by its `_unique_id`.
///
/// oslo.messaging keeps 16 ids (oslo-wire.md §4.4), too few for what a broker redelivers after a lost connection.
final class RecentIDs: Sendable {
    private struct State {
        var ids: Set<MessageKey> = []
        var order: Deque<(id: MessageKey, expiry: ContinuousClock.Instant)> = []
    }

    private let capacity: Int
    private let lifetime: Duration
    private let state = Locked(State())

    init(capacity: Int, lifetime: Duration) {
        self.capacity = capacity
        self.lifetime = lifetime
    }

    /// Whether `id` is new; remembers it.
    func insert(_ id: String, now: ContinuousClock.Instant = .now) -> Bool {
        let id = MessageKey(id)
        return state.withLock { state in
            while let first = state.order.first, first.expiry <= now || state.order.count >= capacity {
                state.order.removeFirst()
                state.ids.remove(first.id)
            }
            guard state.ids.insert(id).inserted else { return false }
            state.order.append((id, now + lifetime))
            return true
        }
    }

    func contains(_ id: String, now: ContinuousClock.Instant = .now) -> Bool {
        state.withLock { state in
            guard !state.ids.isEmpty else { return false }
            let id = MessageKey(id)
            return state.ids.contains(id) && state.order.contains { $0.id == id && $0.expiry > now }
        }
    }

    /// Forgets an id whose request goes back to the queue.
    func remove(_ id: String) {
        let id = MessageKey(id)
        state.withLock { state in
            guard state.ids.remove(id) != nil else { return }
            if let index = state.order.lastIndex(where: { $0.id == id }) { state.order.remove(at: index) }
        }
    }
}
