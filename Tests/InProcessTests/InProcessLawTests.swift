import SwitchboardTesting
import Testing

@Suite("The in-process driver obeys the laws")
struct InProcessLawTests {
    @Test(arguments: TransportLaws.all)
    func law(_ law: TransportLaw) async throws {
        let outcome = try await law.check(InProcessHarness())
        let isClaimed = law.group != .reconnecting && law.group != .processes
        #expect(outcome == (isClaimed ? .holds : .notClaimed))
    }

    @Test("No two laws have the same name, and every group has some")
    func names() {
        #expect(Set(TransportLaws.all.map(\.name)).count == TransportLaws.all.count)
        for group in TransportLaw.Group.allCases {
            #expect(!TransportLaws.all(in: group).isEmpty, "\(group)")
        }
    }
}
