import Logging
import ServiceLifecycle
import SwitchboardCore

/// Runs a service, and shuts it down gracefully when told.
final class GracefulShutdownTrigger: Sendable {
    private let (stream, source) = AsyncStream.makeStream(of: Void.self)

    func trigger() {
        source.finish()
    }

    /// Returns when the service has ended.
    func run(_ service: any Service) async throws {
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: service, successTerminationBehavior: .gracefullyShutdownGroup)],
                logger: quietLogger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            tasks.addTask { [stream] in
                for await _ in stream {}
                await group.triggerGracefulShutdown()
            }
            try await tasks.waitForAll()
        }
    }
}
