import Logging
import NovaCompute
import ServiceLifecycle
import SwitchboardCells
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardMessaging
import SwitchboardSQLite

// What the pages of SwitchboardCells, SwitchboardSQLite and NovaCompute quote.

private struct ByInstance: Codable, Sendable {
    var instance: String
}

private struct Nothing: Codable, Sendable {}

func targetSnippet(
    directory: SQLiteCellDirectory, drivers: DriverRegistry, client: RPCClient, uuid: String, host: String,
    context: RequestContext, logger: Logger
) async throws {
    let getDiagnostics = RPCMethod<ByInstance, JSONValue>("get_diagnostics")
    // snippet.target
    let cells = CellContextManager(directory: directory, drivers: drivers, logger: logger)
    let diagnostics = try await cells.withTargetCell(forInstance: uuid, context) { context in
        try await client.call(getDiagnostics, .init(instance: uuid), to: host, context: context)
    }
    // snippet.end
    _ = diagnostics
}

#if RabbitMQ
    import SwitchboardRabbitMQ

    func setUpSnippet(ownURL: String, api: any Service, logger: Logger) async throws {
        // snippet.setUp
        let drivers = DriverRegistry(.inProcess(), .rabbitMQ())
        let directory = try SQLiteCellDirectory("nova_api.sqlite")
        let own = try MessageQueueConnection(TransportURL(ownURL), drivers: drivers, logger: logger)
        let cells = CellContextManager(
            directory: directory, drivers: drivers, base: BaseURLs(transportURL: ownURL), logger: logger)
        let client = RPCClient(own, target: RPCTarget(topic: "compute", exchange: "nova"))

        try await ServiceGroup(services: [own, cells, api], logger: logger).run()
        // snippet.end
        _ = client
    }
#endif

func aimSnippet(
    cells: CellContextManager, client: RPCClient, mapping: CellMapping, uuid: String, host: String,
    context: RequestContext
) async throws {
    // snippet.aim
    try await cells.withTargetCell(forInstance: uuid, context) { context in
        try await client.cast("reboot_instance", ["instance": .string(uuid)], to: host, context: context)
    }
    try await cells.withTargetCell(forHost: "compute-7", context) { context in
        try await client.cast("refresh_cache", to: "compute-7", context: context)
    }
    try await cells.withTargetCell(mapping, context) { context in
        try await client.cast("ping", context: context)
    }
    // snippet.end
}

func scatterSnippet(
    cells: CellContextManager, client: RPCClient, context: RequestContext,
    warn: (String) -> Void
) async throws {
    let listServices = RPCMethod<Nothing, [String]>("list_services")
    func show(_ services: [String], of cell: CellID) { print(cell, services) }
    // snippet.scatter
    let found = try await cells.scatterGather(context, configuration: .init(cellTimeout: .seconds(5))) {
        cell, context in
        try await client.call(listServices, .init(), context: context)
    }
    for (cell, services) in found.answers { show(services, of: cell) }
    for result in found.missing { warn("\(result.cell.identity): \(result.outcome)") }
    // snippet.end
}

func pinsSnippet(
    directory: SQLiteCellDirectory, base: BaseURLs, client: RPCClient, logger: Logger
) -> ComputeAPI {
    // snippet.pins
    let pins = CellVersions(directory: directory, databases: DatabaseRegistry(.sqlite()), base: base, logger: logger) {
        try ComputePin(oldestService: $0)
    }
    let compute = ComputeAPI(client) { queue in pins[queue] ?? ComputePin(release: "yoga")! }
    // snippet.end
    return compute
}

func directorySnippet() async throws {
    // snippet.directory
    let directory = try SQLiteCellDirectory("/var/lib/nova/nova_api.sqlite")
    let location = try await directory.location(ofHost: "compute-7")
    print(location.cell.identity)
    // snippet.end
}

func readOnlySnippet() throws {
    // snippet.readOnlyDirectory
    var configuration = SQLiteCellDirectory.Configuration()
    configuration.isReadOnly = true
    let directory = try SQLiteCellDirectory("sqlite:///var/lib/nova/nova_api.sqlite", configuration: configuration)
    // snippet.end
    _ = directory
}

func computeSnippet(
    connection: MessageQueueConnection, cells: CellContextManager, instance: NovaObject, uuid: String,
    context: RequestContext
) async throws {
    // snippet.compute
    let client = RPCClient(connection, target: RPCTarget(topic: "compute", exchange: "nova"))
    let compute = ComputeAPI(client)

    try await cells.withTargetCell(forInstance: uuid, context) { context in
        try await compute.rebootInstance(instance, type: "SOFT", context: context)
    }
    // snippet.end
}

func pinnedSnippet(client: RPCClient, pins: [CellID: ComputePin]) {
    // snippet.pinned
    let pinned = ComputeAPI(client, pin: ComputePin(release: "yoga")!)
    let mixed = ComputeAPI(client) { queue in
        guard let cell = queue.cellID else { return .newest }
        return pins[cell] ?? ComputePin(release: "yoga")!
    }
    // snippet.end
    _ = (pinned, mixed)
}

func objectSnippet(received: JSONValue) throws {
    // snippet.object
    var instance = try NovaObject(json: received)
    instance["display_name"] = "web-1"
    let flavor = try instance.object("flavor")
    // snippet.end
    _ = flavor
}
