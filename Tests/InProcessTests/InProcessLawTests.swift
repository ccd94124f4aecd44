import DriverHarnesses
import Logging
import SwitchboardCore
import SwitchboardTesting
import Testing

@Suite("The in-process driver obeys the laws")
struct InProcessLawTests {
    @Test(arguments: DriverLaws.all)
    func law(_ law: DriverLaw) async throws {
        let outcome = try await law.check(InProcessHarness())
        #expect(outcome == (law.needsConnectionsOrProcesses ? .notClaimed : .holds))
    }

    @Test("No two laws have the same name, and every group has some")
    func names() {
        #expect(Set(DriverLaws.all.map(\.name)).count == DriverLaws.all.count)
        for group in DriverLaw.Group.allCases {
            #expect(!DriverLaws.all(in: group).isEmpty, "\(group)")
        }
    }
}

extension DriverLaw {
    /// Whether it is about what a driver within one process has not.
    var needsConnectionsOrProcesses: Bool {
        !capabilities.isDisjoint(with: [.reconnects, .interprocess, .durable, .limitsAttempts])
    }
}

let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
