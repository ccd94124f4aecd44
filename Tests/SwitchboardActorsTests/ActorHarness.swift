import ActorSamples
import Distributed
import Logging
import ServiceLifecycle
import SwitchboardActors
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardMessaging
import SwitchboardSpool
import SwitchboardTesting

let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Runs services for as long as `body` runs.
func withRunning<Result: Sendable>(
    _ services: [any Service], body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for service in services { group.addTask { try await service.run() } }
        defer { group.cancelAll() }
        return try await body()
    }
}

/// A queue that needs nothing but this machine.
enum Queue: String, CaseIterable, Sendable {
    case inProcess, spool

    /// Connections to one queue of this kind, as many as are asked for; gone with the end of `body`.
    func withConnections<Result: Sendable>(
        _ count: Int = 1, telemetry: Telemetry = Telemetry(),
        _ body: @escaping @Sendable ([MessageQueueConnection]) async throws -> Result
    ) async throws -> Result {
        switch self {
        case .inProcess:
            let network = InProcessNetwork()
            let connections = try (0..<count).map { _ in
                try MessageQueueConnection(
                    TransportURL("fake://actors"), drivers: DriverRegistry(.inProcess(network: network)),
                    telemetry: telemetry, logger: quietLogger)
            }
            return try await withRunning(connections) { try await body(connections) }
        case .spool:
            let directory = try ScratchDirectory(prefix: "switchboard-actors")
            defer { directory.remove() }
            let connections = try (0..<count).map { _ in
                try MessageQueueConnection(
                    TransportURL("spool://\(directory.path)/queue"), drivers: DriverRegistry(.spool()),
                    telemetry: telemetry, logger: quietLogger)
            }
            return try await withRunning(connections) { try await body(connections) }
        }
    }
}

/// Runs a server of a router on topic `t`, named `swift`, and `body` once it serves.
func withServer<Result: Sendable>(
    on connection: MessageQueueConnection, router: RPCRouter,
    configuration: RPCServerConfiguration = RPCServerConfiguration(),
    _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    var router = router
    router.registerPing()
    let server = RPCServer(
        connection, topic: Topic("t"), name: "swift", router: router, configuration: configuration, logger: quietLogger)
    return try await withRunning([server]) {
        try await waitUntilServing(connection)
        return try await body()
    }
}

/// Waits until a server of topic `t` listens, by asking it.
func waitUntilServing(_ connection: MessageQueueConnection) async throws {
    let client = RPCClient(connection, target: RPCTarget(topic: "t", server: "swift"), timeout: .seconds(60))
    let end = ContinuousClock.now + .seconds(60)
    while true {
        do {
            _ = try await client.call("oslo_rpc_server_ping", context: RequestContext())
            return
        } catch let error as RPCError where error.code == .unroutable && .now < end {
            await Task.yield()
        }
    }
}

/// A system of actors, a server of one actor, and the id that it is reached at.
func withActor<Act: DistributedActor, Result: Sendable>(
    on queue: Queue = .inProcess, methods: ActorMethods<Act> = ActorMethods(version: "1.9"),
    genericTypes: GenericTypes = GenericTypes(),
    make: @escaping @Sendable (SwitchboardActorSystem) throws -> Act,
    _ body:
        @escaping @Sendable (SwitchboardActorSystem, SwitchboardActorID, MessageQueueConnection) async throws -> Result
) async throws -> Result where Act.ActorSystem == SwitchboardActorSystem {
    try await queue.withConnections(2) { connections in
        var router = RPCRouter()
        router.register(try make(SwitchboardActorSystem(connections[0])), methods, genericTypes: genericTypes)
        return try await withServer(on: connections[0], router: router) {
            try await body(
                SwitchboardActorSystem(connections[1]),
                SwitchboardActorID(topic: "t", namespace: methods.namespace, version: methods.version), connections[1])
        }
    }
}

/// A step that one task takes and others wait for.
final class Milestone: Sendable {
    private let stream: AsyncStream<Void>
    private let source: AsyncStream<Void>.Continuation

    init() {
        (stream, source) = AsyncStream.makeStream(of: Void.self)
    }

    func reach() { source.finish() }

    /// Waits until it is reached. One waits, once.
    func wait() async { for await _ in stream {} }
}
