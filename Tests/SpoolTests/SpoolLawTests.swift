import DriverHarnesses
import SwitchboardCore
import SwitchboardTesting
import Testing

@Suite("The laws of drivers, for the spool", .timeLimit(.minutes(3)))
struct SpoolLawTests {
    @Test("Law", arguments: ["maildir", "segment"], DriverLaws.all)
    func law(layout: String, law: DriverLaw) async throws {
        let outcome = try await law.check(SpoolHarness(layout: layout))
        // What a spool has nothing of: a connection that can be cut.
        #expect(outcome == (law.capabilities.contains(.reconnects) ? .notClaimed : .holds))
    }
}
