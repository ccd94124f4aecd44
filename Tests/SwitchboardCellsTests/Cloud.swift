import Logging
import ServiceLifecycle
import SwitchboardCells
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardMessaging
import Testing

let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Two cells and cell0 in memory, each with a server that says which it is; and the process's own queue with one.
struct Cloud: Sendable {
    static let cell1 = CellID("11111111-0000-4000-8000-000000000001")!
    static let cell2 = CellID("22222222-0000-4000-8000-000000000002")!
    static let inCell1 = "10000000-0000-4000-8000-000000000001"
    static let inCell2 = "10000000-0000-4000-8000-000000000002"
    static let inCell0 = "10000000-0000-4000-8000-000000000003"
    static let unscheduled = "10000000-0000-4000-8000-000000000004"
    static let unknown = "10000000-0000-4000-8000-00000000ffff"
    private static let worlds = ["own", "one", "two", "three"]

    let network = InProcessNetwork()
    /// What the connections of the manager go through.
    let mutes = Mutes()
    let directory = InMemoryCellDirectory()
    let manager: CellContextManager
    let own: MessageQueueConnection
    let client: RPCClient

    init(
        configuration: CellConnectionConfiguration = CellConnectionConfiguration(), telemetry: Telemetry = Telemetry(),
        logger: Logger = quietLogger
    ) throws {
        let drivers = DriverRegistry(.inProcess(network: network))
        manager = CellContextManager(
            directory: directory, drivers: DriverRegistry(mutes.plugin(network)), configuration: configuration,
            telemetry: telemetry, logger: logger)
        own = try MessageQueueConnection(TransportURL("fake://own"), drivers: drivers, logger: quietLogger)
        client = RPCClient(own, target: RPCTarget(topic: "compute", exchange: "nova"), timeout: .seconds(30))
    }

    /// Fills the directory, starts everything, and runs `body` when all servers answer.
    static func run(
        configuration: CellConnectionConfiguration = CellConnectionConfiguration(), telemetry: Telemetry = Telemetry(),
        logger: Logger = quietLogger,
        _ body: @escaping @Sendable (Cloud) async throws -> Void
    ) async throws {
        let cloud = try Cloud(configuration: configuration, telemetry: telemetry, logger: logger)
        for (id, name, url) in [
            (CellID.cell0, "cell0", "none:///"), (cell1, "cell1", "fake://one"), (cell2, "cell2", "fake://two"),
        ] {
            _ = try await cloud.directory.createCell(
                CellMapping(
                    id: id, name: name, transportURL: URLTemplate(url),
                    databaseConnection: URLTemplate("sqlite:///\(name)")))
        }
        _ = try await cloud.directory.mapInstances([
            InstanceMapping(instanceUUID: inCell1, cell: cell1, projectID: "p"),
            InstanceMapping(instanceUUID: inCell2, cell: cell2, projectID: "p2"),
            InstanceMapping(instanceUUID: inCell0, cell: .cell0, projectID: "p"),
            InstanceMapping(instanceUUID: unscheduled, cell: nil, projectID: "p"),
        ])
        _ = try await cloud.directory.mapHosts(["host2"], to: cell2)
        try await withThrowingTaskGroup(of: Void.self) { group in
            let servers = try worlds.map { try cloud.serve($0, in: &group) }
            group.addTask { try await cloud.own.run() }
            group.addTask { try await cloud.manager.run() }
            defer { group.cancelAll() }
            for server in servers { try await server.waitUntilServing() }
            try await body(cloud)
        }
    }

    private func serve(_ world: String, in group: inout ThrowingTaskGroup<Void, any Error>) throws -> RPCServer {
        let connection = try connection(to: world)
        var router = RPCRouter()
        router.registerPing()
        router.register("where") { _, _ in .string(world) }
        router.register("wait") { _, _ in
            try await Task.sleep(for: .seconds(60))
            return .null
        }
        let server = RPCServer(
            connection, topic: Topic("compute", exchange: "nova"), name: "host", router: router, logger: quietLogger)
        group.addTask { try await connection.run() }
        group.addTask { try await server.run() }
        return server
    }

    func connection(to world: String) throws -> MessageQueueConnection {
        try MessageQueueConnection(
            TransportURL("fake://\(world)"), drivers: DriverRegistry(.inProcess(network: network)), logger: quietLogger)
    }

    /// Which queue answers a call with this context.
    func whereItGoes(_ context: RequestContext, timeout: Duration? = nil) async throws -> String {
        try await client.call("where", context: context, timeout: timeout).string ?? ""
    }

    /// Aims at an instance's cell, and asks which queue answers.
    func ask(_ instance: String, timeout: Duration? = nil) async throws -> String {
        try await manager.withTargetCell(forInstance: instance, RequestContext()) { context in
            try await whereItGoes(context, timeout: timeout)
        }
    }

    func update(_ cell: CellID, url: String? = nil, isDisabled: Bool? = nil) async throws {
        _ = try await directory.updateCell(
            cell, CellChange(transportURL: url.map { URLTemplate($0) }, isDisabled: isDisabled))
    }

    /// The connection of a cell, as the manager sees it.
    func connection(of cell: CellID) -> CellConnectionStatus? {
        manager.status().first { $0.cells.contains(cell) }
    }
}

/// The code of the error that an aimed call ends with; `nil` when it succeeds.
func cellErrorCode(_ body: () async throws -> some Any) async throws -> CellError.Code? {
    do {
        _ = try await body()
        return nil
    } catch let error as CellError {
        return error.code
    }
}

/// Waits until a condition holds, for a minute at most.
func waitUntil(_ condition: () async throws -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(60)
    while try await !condition() {
        try #require(ContinuousClock.now < end, "What was waited for did not happen in a minute.")
        await Task.yield()
    }
}
