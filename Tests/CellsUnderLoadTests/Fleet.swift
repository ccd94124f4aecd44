import Foundation
import Logging
import ServiceLifecycle
import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardSQLite
import Testing

let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// The suites of this target, one test at a time: they make load, and look at what the whole process uses.
@Suite(.serialized)
enum UnderLoad {}

/// A directory in a SQLite file, servers behind the queues that the cells have or will have, and what aims at them.
struct Fleet: Sendable {
    /// A queue with a server that answers with its name.
    struct Place: Sendable {
        var name: String
        var url: TransportURL

        init(_ name: String, _ url: TransportURL) {
            self.name = name
            self.url = url
        }
    }

    static let topic = Topic("compute", exchange: "nova")

    let file: String
    let directory: SQLiteCellDirectory
    let manager: CellContextManager
    let own: MessageQueueConnection
    let client: RPCClient
    let drivers: DriverRegistry

    init(
        drivers: DriverRegistry, own: TransportURL,
        configuration: CellConnectionConfiguration = CellConnectionConfiguration()
    ) throws {
        file = NSTemporaryDirectory() + "switchboard-fleet-\(UUID().uuidString).sqlite"
        var opening = SQLiteCellDirectory.Configuration()
        opening.createsIfMissing = true
        directory = try SQLiteCellDirectory(file, configuration: opening)
        self.drivers = drivers
        manager = CellContextManager(
            directory: directory, drivers: drivers, configuration: configuration, logger: quietLogger)
        self.own = try MessageQueueConnection(own, drivers: drivers, logger: quietLogger)
        client = RPCClient(
            self.own, target: RPCTarget(topic: Self.topic.name, exchange: Self.topic.exchange), timeout: .seconds(60))
    }

    /// Adds a cell that is mapped to a place, and an instance in it; returns the instance.
    func add(_ name: String, at url: TransportURL) async throws -> (cell: CellMapping, instance: String) {
        let cell = try await directory.createCell(
            CellMapping(
                id: .random(), name: name, transportURL: URLTemplate(url.formatted(revealingSecrets: true))))
        let instance = UUID().uuidString
        try await directory.mapInstances([InstanceMapping(instanceUUID: instance, cell: cell.id, projectID: "p")])
        return (cell, instance)
    }

    /// Runs servers in all places, and what aims at them, for as long as `body`.
    func run(
        serving places: [Place], _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        defer { for end in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: file + end) } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await own.run() }
            group.addTask { try await manager.run() }
            var servers: [RPCServer] = []
            for place in places {
                let connection = try MessageQueueConnection(
                    place.url, drivers: drivers, name: place.name, logger: quietLogger)
                var router = RPCRouter()
                router.registerPing()
                router.register("where") { _, _ in .string(place.name) }
                let server = RPCServer(
                    connection, topic: Self.topic, name: "host", router: router, logger: quietLogger)
                servers.append(server)
                group.addTask { try await connection.run() }
                group.addTask { try await server.run() }
            }
            defer { group.cancelAll() }
            for server in servers { try await server.waitUntilServing() }
            try await body()
        }
    }

    /// Aims at an instance's cell, and asks who answers.
    func ask(_ instance: String) async throws -> String {
        try await manager.withTargetCell(forInstance: instance, RequestContext(userID: "u")) { context in
            try await client.call("where", context: context).string ?? ""
        }
    }

    func ask(_ cell: CellMapping) async throws -> String {
        try await manager.withTargetCell(cell, RequestContext(userID: "u")) { context in
            try await client.call("where", context: context).string ?? ""
        }
    }

    /// Changes a cell's URL as an operator does: with the command line, in another process.
    func move(_ cell: CellMapping, to url: TransportURL) async throws {
        let tests = Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])
        let process = Process()
        process.executableURL = tests.deletingLastPathComponent().appendingPathComponent("switchboard")
        process.arguments = [
            "cell", "update", cell.id.description, "--transport-url", url.formatted(revealingSecrets: true),
            "--database", file,
        ]
        process.standardOutput = FileHandle.nullDevice
        let status = await withCheckedContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do { try process.run() } catch { continuation.resume(returning: -1) }
        }
        try #require(status == 0, "switchboard cell update ended with \(status).")
    }
}

/// Waits until a condition holds, for as long as `limit`.
func waitUntil(within limit: Duration, _ condition: () async throws -> Bool) async throws {
    let end = ContinuousClock.now + limit
    while try await !condition() {
        try #require(ContinuousClock.now < end, "What was waited for did not happen in \(limit).")
        try await Task.sleep(for: .milliseconds(20))
    }
}

/// The value below which a share of them is.
func percentile(_ share: Double, of values: [Duration]) -> Duration {
    let sorted = values.sorted()
    return sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
}
