import SwitchboardCore
import Testing

@testable import SwitchboardSpool

@Suite("How long a group of a segment waits for publishers that are about to come")
struct GroupWaitTests {
    private let sync = Duration.milliseconds(8)

    /// What groups come to whose records are as many as given, one group after the other.
    private func waits(_ groups: [(count: Int, arrived: Int)], in wait: inout GroupWait) -> [Bool] {
        groups.map { group in
            let waits = wait.limit(pending: 0, waited: .zero) != nil
            wait.groupEnded(group.count, arrived: group.arrived, after: sync)
            return waits
        }
    }

    @Test("The first one doesn't wait, nor does a single publisher's")
    func single() {
        var wait = GroupWait()
        #expect(wait.limit(pending: 0, waited: .zero) == nil)
        for _ in 0..<10 {
            wait.groupEnded(1, arrived: 0, after: sync)
            #expect(wait.limit(pending: 1, waited: .zero) == nil)
        }
    }

    @Test("One waits for as many as the last had and came during its sync, for a sync's time at most")
    func expected() {
        var wait = GroupWait()
        wait.groupEnded(1, arrived: 63, after: sync)
        #expect(wait.expected == 64)
        #expect(wait.limit(pending: 63, waited: .zero) == .milliseconds(2))
        #expect(wait.limit(pending: 63, waited: .milliseconds(7)) == .milliseconds(2))
        #expect(wait.limit(pending: 63, waited: .milliseconds(8)) == nil)
        #expect(wait.limit(pending: 64, waited: .zero) == nil)
    }

    @Test("After a wait for which no record came the next one begins at once")
    func givingUp() {
        var wait = GroupWait()
        wait.groupEnded(64, arrived: 0, after: sync)
        #expect(wait.limit(pending: 0, waited: .zero) != nil)
        wait.giveUp()
        #expect(wait.limit(pending: 0, waited: .zero) == nil)
        #expect(wait.limit(pending: 1, waited: .zero) == nil)
    }

    @Test("Groups keep waiting as long as no record comes during their syncs")
    func inTurn() {
        var wait = GroupWait()
        wait.groupEnded(1, arrived: 63, after: sync)
        #expect(waits(Array(repeating: (64, 0), count: 20), in: &wait).allSatisfy { $0 })
    }

    @Test("Waits that take longer than the sync are rare, and are back soon when the disk is slow again")
    func fastDisk() {
        var wait = GroupWait()
        wait.groupEnded(64, arrived: 0, after: sync)
        func waits(_ count: Int, _ waited: Duration) -> Int {
            (0..<count).count { _ in
                let waits = wait.limit(pending: 0, waited: .zero) != nil
                wait.groupEnded(64, arrived: 0, after: sync, waited: waits ? waited : .zero)
                return waits
            }
        }
        #expect((10...16).contains(waits(100, .milliseconds(9))))
        #expect(waits(20, .milliseconds(7)) >= 12)
        #expect(waits(20, .milliseconds(7)) == 20)
    }

    @Test("Publishers that come at any time make groups wait rarely, and waits are back soon when they come together")
    func inVain() {
        var wait = GroupWait()
        wait.groupEnded(10, arrived: 10, after: sync)
        let waited = waits(Array(repeating: (10, 10), count: 100), in: &wait).count { $0 }
        #expect((5...16).contains(waited))
        let later = waits(Array(repeating: (20, 0), count: 20), in: &wait)
        #expect(later.suffix(10).allSatisfy { $0 })
    }
}
