import SwitchboardCore

/// What a listener knows of past and present notifications, by their `_unique_id`: which are at work or done, and how often
/// each has failed. One without an id is always new.
struct NotificationLedger: Sendable {
    enum Verdict: Sendable {
        case new, duplicate
        /// It is at work. The copy comes back from ``finish(_:handled:)`` or ``forget(_:)``.
        case held
    }

    private let ledger: DuplicateLedger<ReceivedNotification>
    private let failures = Locked<[IDFingerprint: Int]>([:])
    private let capacity: Int

    init(capacity: Int, lifetime: Duration) {
        ledger = DuplicateLedger(capacity: capacity, lifetime: lifetime)
        self.capacity = capacity
    }

    /// Says what to do with a delivery.
    func begin(_ received: ReceivedNotification) -> Verdict {
        switch ledger.begin(received.uniqueID, received) {
        case .new: return .new
        case .duplicate: return .duplicate
        case .held(let superseded):
            // Its own channel is most likely gone.
            superseded?.delivery.settleInBackground(.accept)
            return .held
        }
    }

    /// Counts a failure; returns how many there were of this one.
    func fail(_ received: ReceivedNotification) -> Int {
        guard let id = received.uniqueID.map(IDFingerprint.init) else { return 1 }
        return failures.withLock { failures in
            if failures.count >= capacity, failures[id] == nil { failures.remove(at: failures.startIndex) }
            failures[id, default: 0] += 1
            return failures[id] ?? 1
        }
    }

    /// How many failures there were of this one.
    func failures(of received: ReceivedNotification) -> Int {
        guard let id = received.uniqueID else { return 0 }
        // Mostly nothing has failed, and this is asked for each notification.
        return failures.withLock { $0.isEmpty ? 0 : $0[IDFingerprint(id)] ?? 0 }
    }

    /// Ends the work on a notification as if it had never come: when it comes again, it is new.
    ///
    /// - Returns: its copies, to be settled as it is.
    func forget(_ received: ReceivedNotification) -> [ReceivedNotification] {
        forgetFailures(of: received)
        return ledger.forget(received.uniqueID)
    }

    /// Ends the work on a notification.
    ///
    /// - Returns: when it was handled, its copies, to be acknowledged; else at most one of them, to be handled.
    func finish(_ received: ReceivedNotification, handled: Bool) -> [ReceivedNotification] {
        guard handled else { return ledger.handOver(received.uniqueID).map { [$0] } ?? [] }
        forgetFailures(of: received)
        return ledger.finish(received.uniqueID)
    }

    private func forgetFailures(of received: ReceivedNotification) {
        guard let id = received.uniqueID else { return }
        failures.withLock { failures in
            if !failures.isEmpty { failures[IDFingerprint(id)] = nil }
        }
    }
}
