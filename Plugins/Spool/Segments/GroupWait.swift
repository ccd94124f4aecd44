/// How long the next group of a segment waits for publishers that are about to come: a state machine without I/O.
///
/// Publishers that send one message after the other are released together by their group's sync, and are back within the
/// time that it takes to make a message. Without a wait the first of them has a sync of its own, and the others wait for
/// its end before they share theirs: two syncs where one is enough.
///
///     group ends ──expected > 1──▶ wait ──all came, or time is over──▶ group syncs ──▶ group ends
///
/// Some groups go without after a wait that was of no use. How many came during a sync tells whether its group was worth
/// the wait: publishers that come whenever they like do so all the time. And where the disk is so fast that the wait took
/// longer than the sync, that sync had better been under way meanwhile.
struct GroupWait {
    /// How many records make it useless to wait longer: as many as the last group had, and came during its sync.
    private(set) var expected = 0
    /// How long the last sync took.
    private var sync = Duration.zero
    private var hasWaited = false
    /// How many groups go without a wait, and how many will after the next one in vain.
    private var pauses = 0
    private var nextPauses = 1

    private static let mostPauses = 8

    /// How long to wait for the next record to come; `nil` if the group isn't to wait.
    ///
    /// - Parameters:
    ///   - pending: how many records there are.
    ///   - waited: how long the group has waited.
    mutating func limit(pending: Int, waited: Duration) -> Duration? {
        guard pending < expected, pauses == 0, waited < sync else { return nil }
        hasWaited = true
        return sync / 4
    }

    /// No record came within the limit, so no publisher is about to add one.
    mutating func giveUp() {
        expected = 0
    }

    /// A group was synced, or failed.
    ///
    /// - Parameters:
    ///   - count: how many records it had.
    ///   - arrived: how many others came during its sync.
    ///   - waited: how long it had waited before.
    mutating func groupEnded(_ count: Int, arrived: Int, after sync: Duration, waited: Duration = .zero) {
        if hasWaited {
            let isInVain = arrived > count / 4 || waited > sync
            pauses = isInVain ? nextPauses : 0
            nextPauses = isInVain ? min(nextPauses * 2, Self.mostPauses) : 1
        } else if pauses > 0 {
            pauses -= 1
        }
        hasWaited = false
        self.sync = sync
        expected = count + arrived
    }
}
