import DequeModule
import SwitchboardCore

/// Ids that were seen lately, bounded in number and age. A value without a clock.
///
/// oslo.messaging keeps 16 ids (oslo-wire.md §4.4), too few for what a broker redelivers after a lost connection.
struct RecentIDs {
    private let capacity: Int
    private let lifetime: Duration
    private var expiries: [IDFingerprint: Moment] = [:]
    /// The oldest first; with those that were removed, until their turn comes.
    private var order: Deque<(id: IDFingerprint, expiry: Moment)> = []

    init(capacity: Int, lifetime: Duration) {
        self.capacity = capacity
        self.lifetime = lifetime
    }

    var isEmpty: Bool { expiries.isEmpty }

    /// Remembers an id; returns whether it is new.
    mutating func insert(_ id: IDFingerprint, at now: Moment) -> Bool {
        while let first = order.first, first.expiry <= now || expiries.count >= capacity || order.count >= 2 * capacity
        {
            order.removeFirst()
            if expiries[first.id] == first.expiry { expiries[first.id] = nil }
        }
        let expiry = now + lifetime
        let known = expiries.updateValue(expiry, forKey: id)
        if let known, known > now {
            // It is as old as it was.
            expiries[id] = known
            return false
        }
        order.append((id, expiry))
        return true
    }

    func contains(_ id: IDFingerprint, at now: Moment) -> Bool {
        guard let expiry = expiries[id] else { return false }
        return expiry > now
    }

    mutating func remove(_ id: IDFingerprint) {
        expiries[id] = nil
    }
}
