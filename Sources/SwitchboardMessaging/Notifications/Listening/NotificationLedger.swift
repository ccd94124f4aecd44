import DequeModule
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

    private enum Entry {
        /// At work; with the newest of the later deliveries of the same.
        case present([ReceivedNotification])
        /// Handled, and known until then.
        case past(ContinuousClock.Instant)
    }

    private struct State {
        var entries: [MessageKey: Entry] = [:]
        /// What was handled, the first first. The entry of one that came again after its time is another.
        var past: Deque<(id: MessageKey, expiry: ContinuousClock.Instant)> = []
        var failures: [MessageKey: Int] = [:]

        mutating func forget(_ now: ContinuousClock.Instant, capacity: Int) {
            while let first = past.first, first.expiry <= now || past.count > capacity {
                past.removeFirst()
                if case .past(first.expiry)? = entries[first.id] { entries[first.id] = nil }
            }
        }
    }

    /// How many deliveries of one notification are held beside the one at work.
    private static let heldLimit = 8

    private let capacity: Int
    private let lifetime: Duration
    private let state = Locked(State())

    init(capacity: Int, lifetime: Duration) {
        self.capacity = capacity
        self.lifetime = lifetime
    }

    /// Says what to do with a delivery; one that is held comes back from ``finish(_:handled:)`` or ``forget(_:)``.
    func begin(_ received: ReceivedNotification) -> Verdict {
        guard let id = received.uniqueID.map(MessageKey.init) else { return .new }
        let (verdict, superseded) = state.withLock { state -> (Verdict, ReceivedNotification?) in
            guard let index = state.entries.index(forKey: id) else {
                state.entries[id] = .present([])
                return (.new, nil)
            }
            switch state.entries.values[index] {
            case .present(var held):
                held.append(received)
                let superseded = held.count > Self.heldLimit ? held.removeFirst() : nil
                state.entries.values[index] = .present(held)
                return (.held, superseded)
            case .past(let expiry):
                if expiry > .now { return (.duplicate, nil) }
                state.entries.values[index] = .present([])
                return (.new, nil)
            }
        }
        // With each reconnect one more comes. The newest stand for it, and its own channel is most likely gone.
        superseded?.delivery.settleInBackground(.accept)
        return verdict
    }

    /// Counts a failure; returns how many there were of this one.
    func fail(_ received: ReceivedNotification) -> Int {
        guard let id = received.uniqueID.map(MessageKey.init) else { return 1 }
        return state.withLock { state in
            if state.failures.count >= capacity, state.failures[id] == nil {
                state.failures.remove(at: state.failures.startIndex)
            }
            state.failures[id, default: 0] += 1
            return state.failures[id] ?? 1
        }
    }

    /// How many failures there were of this one.
    func failures(of received: ReceivedNotification) -> Int {
        guard let id = received.uniqueID else { return 0 }
        // Mostly nothing has failed, and this is asked for each notification.
        return state.withLock { $0.failures.isEmpty ? 0 : $0.failures[MessageKey(id)] ?? 0 }
    }

    /// Ends the work on a notification as if it had never come: when it comes again, it is new.
    ///
    /// - Returns: its duplicates, to be settled as it is.
    func forget(_ received: ReceivedNotification) -> [ReceivedNotification] {
        guard let id = received.uniqueID.map(MessageKey.init) else { return [] }
        return state.withLock { state in
            guard let index = state.entries.index(forKey: id), case .present(let held) = state.entries.values[index]
            else { return [] }
            state.entries.remove(at: index)
            state.failures[id] = nil
            return held
        }
    }

    /// Ends the work on a notification.
    ///
    /// - Returns: when it was handled, its duplicates, to be acknowledged; else at most one of them, to be handled.
    func finish(_ received: ReceivedNotification, handled: Bool) -> [ReceivedNotification] {
        guard let id = received.uniqueID.map(MessageKey.init) else { return [] }
        return state.withLock { state in
            guard let index = state.entries.index(forKey: id), case .present(var held) = state.entries.values[index]
            else { return [] }
            if handled {
                let now = ContinuousClock.now
                state.entries.values[index] = .past(now + lifetime)
                state.past.append((id, now + lifetime))
                state.forget(now, capacity: capacity)
                if !state.failures.isEmpty { state.failures[id] = nil }
                return held
            }
            if held.isEmpty {
                state.entries.remove(at: index)
                return []
            }
            let next = held.removeFirst()
            state.entries.values[index] = .present(held)
            return [next]
        }
    }
}
