import SwitchboardCore
import SwitchboardTesting
import Testing

/// A broker of its own for each world; the transports say `rabbit://`.
private struct FakeBrokerHarness: TransportHarness {
    func withWorld(_ body: (TransportWorld) async throws -> Void) async throws {
        let broker = FakeBroker()
        var world = TransportWorld {
            try Transport(TransportURL("rabbit://guest:guest@mq1/laws"), drivers: broker.drivers, logger: quietLogger)
        }
        world.deadLetters = { broker.deadLetters(in: "laws").map(\.body) }
        world.interrupt = { broker.closeConnections() }
        world.restart = {
            broker.stop()
            broker.start()
        }
        try await body(world)
    }
}

@Suite("The fake broker obeys the laws, as the drivers do that it stands for")
struct FakeBrokerLawTests {
    @Test(arguments: DriverLaws.all)
    func law(_ law: DriverLaw) async throws {
        let outcome = try await law.check(FakeBrokerHarness())
        let isClaimed = law.capabilities.isDisjoint(with: [.interprocess, .durable, .boundedQueues, .limitsAttempts])
        #expect(outcome == (isClaimed ? .holds : .notClaimed))
    }
}
