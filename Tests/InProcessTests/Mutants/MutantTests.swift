import SwitchboardCore
import SwitchboardTesting
import Testing

/// Worlds of the copy, with one bug or none.
struct MutantHarness: TransportHarness {
    let mutation: Mutation?

    func withWorld(_ body: (TransportWorld) async throws -> Void) async throws {
        let broker = MutantBroker(mutation: mutation)
        let makeTransport: @Sendable (Int) throws -> Transport = { limit in
            Transport(
                driver: MutantDriver(broker, queueLimit: limit, mutation: mutation), url: try TransportURL("fake://"),
                logger: quietLogger)
        }
        // Bugs make the laws wait for what never comes; without one nothing may be that slow.
        var world = TransportWorld(patience: mutation == nil ? .seconds(30) : .milliseconds(700)) {
            try makeTransport(10_000)
        }
        world.makeBoundedTransport = makeTransport
        world.deadLetters = { broker.deadLetters }
        try await body(world)
    }
}

@Suite("The laws find every planted bug")
struct MutantTests {
    @Test("The law for it catches the bug", arguments: Mutation.allCases)
    func caught(_ mutation: Mutation) async throws {
        let law = try #require(TransportLaws.all.first { $0.name == mutation.law })
        // A swallowed cancellation shows by chance alone, more rarely on a busy machine: where it comes before the wait has
        // begun, there is nothing to swallow. So does an outcome that is told again, when nobody looks any more. Every other
        // bug shows at once.
        let byChance: [Mutation] = [.cancellationSwallowed, .cancellationOfWaitersSwallowed, .outcomeToldTwice]
        let goes = byChance.contains(mutation) ? 50 : 1
        for _ in 0..<goes {
            do {
                _ = try await law.check(MutantHarness(mutation: mutation))
            } catch let violation as LawViolation {
                #expect(violation.law == law.name)
                return
            }
        }
        Issue.record("The law \"\(law.name)\" holds in spite of the bug.")
    }

    @Test("The copy without a bug obeys", arguments: DriverLaws.all)
    func unmutated(_ law: DriverLaw) async throws {
        let outcome = try await law.check(MutantHarness(mutation: nil))
        #expect(outcome == (law.needsConnectionsOrProcesses ? .notClaimed : .holds))
    }
}
