import Logging
import SwitchboardCore
import SwitchboardInProcess
package import SwitchboardTesting

/// A network of its own for each world.
package struct InProcessHarness: TransportHarness {
    package init() {}

    package func withWorld(_ body: (TransportWorld) async throws -> Void) async throws {
        let network = InProcessNetwork()
        let registry = DriverRegistry(.inProcess(network: network))
        var world = TransportWorld {
            try Transport(TransportURL("fake://laws"), drivers: registry, logger: quietLogger)
        }
        world.makeBoundedTransport = { messages in
            try Transport(TransportURL("fake://laws?queue_limit=\(messages)"), drivers: registry, logger: quietLogger)
        }
        world.deadLetters = { network.deadLetters(in: "laws").map(\.message.body) }
        try await body(world)
    }
}

/// Laws say what they find by their errors.
let quietLogger = Logger(label: "laws") { _ in SwiftLogNoOpLogHandler() }
