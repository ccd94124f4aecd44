import SwitchboardInProcess
import SwitchboardTesting
import Testing

@testable import SwitchboardCore

/// Worlds of the in-process driver with one bug or none.
struct MutantHarness: TransportHarness {
    let mutation: Mutation?

    func withWorld(_ body: (TransportWorld) async throws -> Void) async throws {
        let mutants = MutantWorld(mutation)
        let runs = Locked<[Task<Void, any Error>]>([])
        defer { for run in runs.withLock({ $0 }) { run.cancel() } }
        let makeTransport: @Sendable (Int) throws -> Transport = { [mutation] limit in
            let transport = Transport(
                driver: try MutantDriver(mutants, queueLimit: limit), url: try TransportURL("fake://"),
                configuration: TransportConfiguration(), clock: mutation?.clock ?? .real, logger: quietLogger)
            if mutation == .publishesWithoutRun {
                runs.withLock { $0.append(Task { try await transport.run() }) }
            }
            return transport
        }
        // Bugs make the laws wait for what never comes; without one nothing may be that slow.
        var world = TransportWorld(patience: mutation == nil ? .seconds(30) : .milliseconds(700)) {
            try makeTransport(10_000)
        }
        world.makeBoundedTransport = makeTransport
        world.deadLetters = { mutants.network.deadLetters(in: "laws").map(\.message.body) }
        try await body(world)
    }
}

@Suite("The laws find every planted bug")
struct MutantTests {
    @Test("The law for it catches the bug", arguments: Mutation.allCases)
    func caught(_ mutation: Mutation) async throws {
        let law = try #require(TransportLaws.all.first { $0.name == mutation.law })
        // Some bugs show in some orders of tasks only, and a busy machine may begin with another one.
        for _ in 0..<5 {
            do {
                _ = try await law.check(MutantHarness(mutation: mutation))
            } catch let violation as LawViolation {
                #expect(violation.law == law.name)
                return
            }
        }
        Issue.record("The law \"\(law.name)\" holds in spite of the bug.")
    }

    @Test("Without a bug all laws hold", arguments: DriverLaws.all)
    func unmutated(_ law: DriverLaw) async throws {
        let outcome = try await law.check(MutantHarness(mutation: nil))
        #expect(outcome == (law.needsConnectionsOrProcesses ? .notClaimed : .holds))
    }
}
