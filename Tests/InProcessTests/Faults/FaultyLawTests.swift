import SwitchboardCore
import SwitchboardInProcess
import SwitchboardTesting
import Testing

/// Worlds whose transports have a connection that can be cut.
struct FaultyHarness: TransportHarness {
    func withWorld(_ body: (TransportWorld) async throws -> Void) async throws {
        let network = InProcessNetwork()
        let drivers = Locked<[FaultyDriver]>([])
        let makeTransport: @Sendable (String) throws -> Transport = { text in
            let url = try TransportURL(text)
            let driver = FaultyDriver(try InProcessDriver(url, network: network))
            drivers.withLock { $0.append(driver) }
            return Transport(driver: driver, url: url, logger: quietLogger)
        }
        var world = TransportWorld { try makeTransport("fake://laws") }
        world.makeBoundedTransport = { try makeTransport("fake://laws?queue_limit=\($0)") }
        world.deadLetters = { network.deadLetters(in: "laws").map(\.message.body) }
        world.interrupt = {
            for driver in drivers.withLock({ $0 }) { driver.dropConnection(outage: .milliseconds(10)) }
        }
        // As long as a server takes at least to come back; the queues are in this process and stay.
        world.restart = {
            for driver in drivers.withLock({ $0 }) { driver.dropConnection(outage: .milliseconds(200)) }
        }
        try await body(world)
    }
}

@Suite("A faulty driver without faults obeys the laws, those of lost connections too")
struct FaultyLawTests {
    @Test(arguments: DriverLaws.all)
    func law(_ law: DriverLaw) async throws {
        let outcome = try await law.check(FaultyHarness())
        let isClaimed = law.capabilities.isDisjoint(with: [.interprocess, .durable, .limitsAttempts])
        #expect(outcome == (isClaimed ? .holds : .notClaimed))
    }
}
