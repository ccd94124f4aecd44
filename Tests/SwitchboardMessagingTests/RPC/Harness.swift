import Logging
import ServiceLifecycle
import SwitchboardCore
import SwitchboardInProcess

@testable import SwitchboardMessaging

/// Runs services while `body` runs, and cancels them then: for handlers that would never finish.
func withHanging<Result: Sendable>(
    _ services: any Service..., body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for service in services { group.addTask { try await service.run() } }
        defer { group.cancelAll() }
        return try await body()
    }
}

let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A connection to an in-process world of its own.
func makeConnection(
    _ world: String = "test", network: InProcessNetwork, name: String = "own", telemetry: Telemetry = Telemetry()
) throws -> MessageQueueConnection {
    try MessageQueueConnection(
        TransportURL("fake://\(world)"), drivers: DriverRegistry(.inProcess(network: network)), name: name,
        telemetry: telemetry, logger: quietLogger)
}

/// Collects what is logged, a line each: level, message, metadata.
struct LineCollector: LogHandler {
    let lines: Locked<[String]>
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    init(lines: Locked<[String]>) {
        self.lines = lines
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        lines.withLock { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])") }
    }
}

extension RPCRequestHandling {
    /// Handles a delivery as a server does, until its request is settled and answered; cancelled, its handler is.
    func handle(_ delivery: Delivery) async {
        let tasks = HandlerTasks(1) {}
        await withTaskCancellationHandler {
            _ = tasks.start(orLater: {}) { permit in await self.handle(delivery, holding: permit) }
            await tasks.waitUntilIdle()
        } onCancel: {
            tasks.cancelAll()
        }
    }
}
