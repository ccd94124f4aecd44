import Foundation
import SwitchboardCore
import SwitchboardSpool
package import SwitchboardTesting

/// A directory of its own for each world.
package struct SpoolHarness: TransportHarness {
    let layout: String

    /// - Parameter layout: `maildir` or `segment`.
    package init(layout: String) {
        self.layout = layout
    }

    package func withWorld(_ body: (TransportWorld) async throws -> Void) async throws {
        let directory = try ScratchDirectory(prefix: "switchboard-laws")
        defer { directory.remove() }
        let spool = "\(directory.path)/spool"
        let url = "spool://\(spool)?layout=\(layout)"
        var world = TransportWorld {
            try Transport(TransportURL(url), drivers: DriverRegistry(.spool()), logger: quietLogger)
        }
        world.makeBoundedTransport = { messages in
            try Transport(
                TransportURL("\(url)&max_messages=\(messages)"), drivers: DriverRegistry(.spool()), logger: quietLogger)
        }
        world.makeLimitedTransport = { attempts, logger in
            try Transport(
                TransportURL("\(url)&max_attempts=\(attempts)"), drivers: DriverRegistry(.spool()), logger: logger)
        }
        world.untakeable = UntakeableMessages {
            try Transport(
                TransportURL("\(url)&max_message_bytes=10000"), drivers: DriverRegistry(.spool()), logger: quietLogger)
        } plant: { address in
            let transport = try Transport(TransportURL(url), drivers: DriverRegistry(.spool()), logger: quietLogger)
            try await transport.whileRunning {
                for size in [10_001, 1_000_000] {
                    try await transport.publish(Message(body: [UInt8](repeating: 1, count: size)), to: address)
                }
            }
        }
        world.deadLetters = {
            let names = try FileManager.default.contentsOfDirectory(atPath: "\(spool)/dead")
            return try names.filter { !$0.hasSuffix(".reason") }.map { name in
                let data = try Data(contentsOf: URL(fileURLWithPath: "\(spool)/dead/\(name)"))
                return try MessageFile(decoding: Array(data)).message.body
            }
        }
        world.inOtherProcess = try LawPeer.conformanceTool(url: TransportURL(url)).perform
        try await body(world)
    }
}
