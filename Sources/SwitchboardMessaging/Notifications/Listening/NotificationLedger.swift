import SwitchboardCore

/// What a listener knows of past and present notifications, by their `_unique_id`.
///
/// oslo.messaging keeps 16 ids and leaves a duplicate without acknowledgement until its channel closes (oslo-wire.md
/// §4.4). Here a duplicate of a handled notification is acknowledged. One of a notification that is still at work waits
/// for the outcome: the first delivery may be of a connection that was lost, and its settlement come too late.
final class NotificationLedger: Sendable {
    enum Verdict: Sendable {
        case new, duplicate, held
    }

    private struct State {
        /// What is at work, and the later deliveries of the same.
        var present: [String: [ReceivedNotification]] = [:]
        var failures: [String: Int] = [:]
    }

    private let past: RecentIDs
    private let capacity: Int
    private let state = Locked(State())

    init(capacity: Int, lifetime: Duration) {
        past = RecentIDs(capacity: capacity, lifetime: lifetime)
        self.capacity = capacity
    }

    /// Says what to do with a delivery; one that is held comes back from ``finish(_:handled:)``.
    func begin(_ received: ReceivedNotification) -> Verdict {
        guard let id = received.uniqueID else { return .new }
        return state.withLock { state in
            if state.present[id] != nil {
                state.present[id]?.append(received)
                return .held
            }
            if past.contains(id) { return .duplicate }
            state.present[id] = []
            return .new
        }
    }

    /// Counts a failure; returns how many there were of this one.
    func fail(_ received: ReceivedNotification) -> Int {
        guard let id = received.uniqueID else { return 1 }
        return state.withLock { state in
            if state.failures.count >= capacity, state.failures[id] == nil {
                state.failures.remove(at: state.failures.startIndex)
            }
            state.failures[id, default: 0] += 1
            return state.failures[id] ?? 1
        }
    }

    /// Ends the work on a notification.
    ///
    /// - Returns: when it was handled, its duplicates, to be acknowledged; else at most one of them, to be handled.
    func finish(_ received: ReceivedNotification, handled: Bool) -> [ReceivedNotification] {
        guard let id = received.uniqueID else { return [] }
        return state.withLock { state in
            guard var held = state.present.removeValue(forKey: id) else { return [] }
            if handled {
                _ = past.insert(id)
                state.failures[id] = nil
                return held
            }
            guard !held.isEmpty else { return [] }
            let next = held.removeFirst()
            state.present[id] = held
            return [next]
        }
    }
}
