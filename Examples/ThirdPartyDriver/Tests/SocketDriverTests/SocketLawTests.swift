import Foundation
import Logging
import SocketDriver
import SwitchboardCore
import SwitchboardTesting
import Testing

/// A world is a hub at a socket of its own.
struct SocketHarness: TransportHarness {
    func withWorld(_ body: (TransportWorld) async throws -> Void) async throws {
        try await withHub { hub in
            let url = try TransportURL("unix://\(hub.path)")
            var world = TransportWorld { try Transport(url, drivers: DriverRegistry(.socket()), logger: quiet) }
            world.interrupt = { hub.dropConnections() }
            world.restart = { try await hub.restart() }
            world.inOtherProcess = LawPeer(executable: program, arguments: ["peer"], url: url).perform
            try await body(world)
        }
    }
}

@Suite("The socket driver obeys the laws", .timeLimit(.minutes(3)))
struct SocketLawTests {
    @Test(arguments: DriverLaws.all)
    func law(_ law: DriverLaw) async throws {
        let outcome = try await law.check(SocketHarness())
        let isClaimed = law.capabilities.isDisjoint(with: [.durable, .deadLetters, .boundedQueues, .limitsAttempts])
        #expect(outcome == (isClaimed ? .holds : .notClaimed))
    }
}

let quiet = Logger(label: "socket-driver.test") { _ in SwiftLogNoOpLogHandler() }

/// The program of this package, which SwiftPM puts beside the tests.
let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    .appendingPathComponent("socket-hub").path
