import Foundation
import SwitchboardCore
import SwitchboardSpool
import SwitchboardTesting
import Testing

/// A world is a directory; the other process is a `SpoolPeer`.
private struct SpoolHarness: TransportHarness {
    let layout: String

    func withWorld(_ body: (TransportWorld) async throws -> Void) async throws {
        try await withDirectory { directory in
            let url = "spool://\(directory.spool)?layout=\(layout)"
            var world = TransportWorld {
                try Transport(TransportURL(url), drivers: DriverRegistry(.spool()), logger: quiet)
            }
            world.makeBoundedTransport = { messages in
                try Transport(
                    TransportURL("\(url)&max_messages=\(messages)"), drivers: DriverRegistry(.spool()), logger: quiet)
            }
            world.deadLetters = {
                try directory.files("dead").filter { !$0.hasSuffix(".reason") }.map { name in
                    let data = try Data(contentsOf: URL(fileURLWithPath: "\(directory.spool)/dead/\(name)"))
                    return try MessageFile(decoding: Array(data)).message.body
                }
            }
            world.inOtherProcess = { task in
                switch task {
                case .publish(let bodies, let address):
                    let peer = try PeerProcess(
                        "send", url, "to=\(QueueName(address).encoded)",
                        "bodies=\(bodies.map { String(decoding: $0, as: UTF8.self) }.joined(separator: ","))")
                    try await peer.wait(for: "end")
                case .takeAndVanish(let address):
                    let peer = try PeerProcess("hold", url, "to=\(QueueName(address).encoded)", "seconds=60")
                    try await peer.wait(for: "got")
                    peer.kill()
                }
            }
            try await body(world)
        }
    }
}

@Suite("The laws of transport drivers, for the spool", .timeLimit(.minutes(3)))
struct SpoolLawTests {
    @Test("Law", arguments: ["maildir", "segment"], TransportLaws.all)
    func law(layout: String, law: TransportLaw) async throws {
        let outcome = try await law.check(SpoolHarness(layout: layout))
        // What a spool has nothing of: a connection that can be cut.
        if law.capabilities.contains(.reconnects) {
            #expect(outcome == .notClaimed)
        } else {
            #expect(outcome == .holds)
        }
    }
}
