import SwitchboardCore
import SwitchboardTesting
import Testing

@Suite("The manual clock", .timeLimit(.minutes(5)))
struct ManualClockTests {
    @Test("Sleepers wake when their time has come, and not before")
    func wakes() async throws {
        let clock = ManualClock()
        let woken = Locked<Set<Int>>([])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for seconds in 1...3 {
                group.addTask {
                    try await clock.sleep(for: .seconds(seconds))
                    woken.withLock { _ = $0.insert(seconds) }
                }
            }
            await clock.waitForSleepers(3)
            clock.advance(by: .seconds(2))
            try await group.next()
            try await group.next()
            #expect(woken.withLock { $0 } == [1, 2])
            #expect(clock.sleepers == 1)
            clock.advance(by: .seconds(1))
            try await group.waitForAll()
        }
        #expect(clock.now.offset == .seconds(3))
    }

    @Test("A sleeper that is cancelled leaves; one whose time is over does not sleep")
    func leaves() async throws {
        let clock = ManualClock()
        try await clock.sleep(for: .zero)
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await clock.sleep(for: .seconds(1)) }
            await clock.waitForSleepers()
            group.cancelAll()
            await #expect(throws: CancellationError.self) { try await group.next() }
        }
        #expect(clock.sleepers == 0)
    }
}
