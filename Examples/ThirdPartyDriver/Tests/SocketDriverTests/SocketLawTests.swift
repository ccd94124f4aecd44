import Foundation
import Glibc
import Logging
import SocketDriver
import SwitchboardCore
import SwitchboardTesting
import Testing

// snippet.socket-laws
/// A world is a hub at a socket of its own.
struct SocketHarness: TransportHarness {
    func withWorld(_ body: (TransportWorld) async throws -> Void) async throws {
        try await withHub { hub in
            let url = try TransportURL("unix://\(hub.path)")
            var world = TransportWorld { try Transport(url, drivers: DriverRegistry(.socket()), logger: quiet) }
            world.interrupt = { hub.dropConnections() }
            world.restart = { try await hub.restart() }
            world.untakeable = UntakeableMessages(makeTransport: world.makeTransport) { _ in
                try sendGarbage(to: hub.path)
            }
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
// snippet.end

let quiet = Logger(label: "socket-driver.test") { _ in SwiftLogNoOpLogHandler() }

/// A client that says what is no frame: the hub closes its connection, and nobody else's.
private func sendGarbage(to path: String) throws {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let code = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
    // A publish that ends behind its number.
    let garbage: [UInt8] = [0, 0, 0, 9, 1, 0, 0, 0, 0, 0, 0, 0, 1]
    guard code == 0, send(descriptor, garbage, garbage.count, Int32(MSG_NOSIGNAL)) == garbage.count else {
        throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
    }
    // Until the hub has closed it.
    var byte: UInt8 = 0
    _ = recv(descriptor, &byte, 1, 0)
}

/// The program of this package, which SwiftPM puts beside the tests.
let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    .appendingPathComponent("socket-hub").path
