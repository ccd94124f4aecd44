import Foundation
import Logging
import SwitchboardCells
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardMessaging
import SwitchboardTesting
import Testing

// Every public protocol, adopted as it reads, with no upcoming feature and no other setting. The same file is built in
// Swift 6 and in Swift 5 language mode.

/// A driver in front of another one.
struct PlainDriver: TransportDriver {
    let base: InProcessDriver

    var capabilities: DriverCapabilities { base.capabilities }
    var roles: [ConnectionRole] { base.roles }
    var backoff: ReconnectBackoff { base.backoff }
    var messagingSystem: String? { base.messagingSystem }
    var taskExecutor: (any TaskExecutor)? { base.taskExecutor }

    func connect(
        _ role: ConnectionRole, signals: ConnectionSignals
    ) async throws(ConnectionFailure) -> any DriverConnection {
        PlainConnection(try await base.connect(role, signals: signals))
    }

    func runInBackground() async {
        await base.runInBackground()
    }

    func makeMailbox() -> Mailbox {
        base.makeMailbox()
    }
}

/// A connection in front of another one.
final class PlainConnection: DriverConnection {
    private let base: any DriverConnection

    init(_ base: any DriverConnection) {
        self.base = base
    }

    func publish(_ publish: Publish) {
        base.publish(publish.relayed { publish.finish($0) })
    }

    func subscribe(_ subscription: Subscription) {
        base.subscribe(
            Subscription(relaying: subscription) { delivery in
                let settler = PlainSettler(delivery)
                return subscription.append(
                    Delivery(
                        delivery.message, isRedelivered: delivery.isRedelivered, attempt: delivery.attempt, token: 0,
                        settler: settler))
            })
    }

    func unsubscribe(_ subscription: Subscription) {
        base.unsubscribe(subscription)
    }

    func close() async {
        await base.close()
    }
}

/// Settles a delivery of another connection.
final class PlainSettler: DeliverySettler {
    private let delivery: Delivery

    init(_ delivery: Delivery) {
        self.delivery = delivery
    }

    var recordsAtOnce: Bool { true }

    func settle(
        _ token: UInt64, _ settlement: Settlement, completion: (@Sendable (TransportError?) -> Void)?
    ) throws(TransportError) {
        delivery.settleInBackground(settlement)
        completion?(nil)
    }
}

struct PlainClientMiddleware: RPCClientMiddleware {
    func send(
        _ request: RPCClientRequest,
        next: nonisolated(nonsending) @Sendable (RPCClientRequest) async throws -> JSONValue
    ) async throws -> JSONValue {
        var request = request
        request.arguments["sent"] = true
        return try await next(request)
    }
}

struct PlainServerMiddleware: RPCServerMiddleware {
    func handle(
        _ request: RPCServerRequest,
        next: nonisolated(nonsending) @Sendable (RPCServerRequest) async throws -> JSONValue
    ) async throws -> JSONValue {
        var request = request
        request.arguments["handled"] = true
        return try await next(request)
    }
}

struct PlainVisibleError: RemotelyVisibleError {
    var remoteError: RemoteError { RemoteError(className: "Plain", message: "plain") }
}

struct PlainTransferableError: RPCTransferableError {
    static let remoteClass = "PlainTransferable"
    static let remoteModule = "plain"

    init() {}
    init?(_ remote: RemoteError) {}

    var remoteError: RemoteError {
        RemoteError(className: Self.remoteClass, module: Self.remoteModule, message: "plain")
    }
}

/// A directory in front of another one.
struct PlainDirectory: MutableCellDirectory {
    let base = InMemoryCellDirectory()

    func location(ofInstance instanceUUID: String) async throws(CellError) -> InstanceLocation {
        try await base.location(ofInstance: instanceUUID)
    }

    func location(ofHost host: String) async throws(CellError) -> HostLocation {
        try await base.location(ofHost: host)
    }

    func cell(_ id: CellID) async throws(CellError) -> CellMapping {
        try await base.cell(id)
    }

    func cells() async throws(CellError) -> CellListing {
        try await base.cells()
    }

    func cells(ofProject projectID: String) async throws(CellError) -> CellListing {
        try await base.cells(ofProject: projectID)
    }

    func instanceMappings(
        matching filter: InstanceFilter, after token: PageToken?, limit: Int
    ) async throws(CellError) -> Page<InstanceMapping> {
        try await base.instanceMappings(matching: filter, after: token, limit: limit)
    }

    func hostMappings(
        in cell: CellID?, after token: PageToken?, limit: Int
    ) async throws(CellError) -> Page<HostMapping> {
        try await base.hostMappings(in: cell, after: token, limit: limit)
    }

    func instanceCounts(
        ofProject projectID: String, user userID: String?
    ) async throws(CellError) -> InstanceCounts {
        try await base.instanceCounts(ofProject: projectID, user: userID)
    }

    func usage(of cell: CellID) async throws(CellError) -> CellUsage {
        try await base.usage(of: cell)
    }

    func version() async throws(CellError) -> DirectoryVersion {
        try await base.version()
    }

    func createCell(_ cell: CellMapping) async throws(CellError) -> CellMapping {
        try await base.createCell(cell)
    }

    func updateCell(_ id: CellID, _ change: CellChange) async throws(CellError) -> CellMapping {
        try await base.updateCell(id, change)
    }

    func deleteCell(_ id: CellID, force: Bool) async throws(CellError) {
        try await base.deleteCell(id, force: force)
    }

    func mapInstances(_ mappings: [InstanceMapping]) async throws(CellError) -> MappingResult {
        try await base.mapInstances(mappings)
    }

    func unmapInstances(_ instanceUUIDs: [String]) async throws(CellError) -> Int {
        try await base.unmapInstances(instanceUUIDs)
    }

    func mapHosts(_ hosts: [String], to cell: CellID) async throws(CellError) -> MappingResult {
        try await base.mapHosts(hosts, to: cell)
    }

    func deleteHost(_ host: String) async throws(CellError) {
        try await base.deleteHost(host)
    }
}

/// A cell's database without anything in it.
struct PlainCellDatabase: CellDatabase {
    func computeNodes(
        matching filter: ComputeNodeFilter, after token: PageToken?, limit: Int
    ) async throws(CellError) -> Page<ComputeNode> {
        Page([], next: nil)
    }

    func setMapped(_ isMapped: Bool, ofComputeNodes ids: [Int64]) async throws(CellError) {}

    func unmapComputeNodes(ofHost host: String?) async throws(CellError) -> Int {
        0
    }

    func services(
        of binary: String?, after token: PageToken?, limit: Int
    ) async throws(CellError) -> Page<CellService> {
        Page([], next: nil)
    }

    func oldestServiceVersion(of binary: String) async throws(CellError) -> Int? {
        nil
    }

    func instances(after instanceUUID: String?, limit: Int) async throws(CellError) -> [CellInstance] {
        []
    }

    func instance(_ instanceUUID: String) async throws(CellError) -> CellInstance? {
        nil
    }

    func instanceCount(onHost host: String?, includesDeleted: Bool) async throws(CellError) -> Int {
        0
    }
}

struct PlainDirectoryHarness: DirectoryHarness {
    func withWorld(_ body: nonisolated(nonsending) (DirectoryWorld) async throws -> Void) async throws {
        let claims: DirectoryCapabilities = [
            .keepsMicroseconds, .storesAllCharacters, .storesLongURLs, .noticesMappings, .keepsVersion,
        ]
        try await body(DirectoryWorld(PlainDirectory(), claims: claims))
    }
}

struct PlainHarness: TransportHarness {
    func withWorld(_ body: nonisolated(nonsending) (TransportWorld) async throws -> Void) async throws {
        let network = InProcessNetwork()
        try await body(
            TransportWorld {
                let url = try TransportURL("fake://plain")
                return Transport(
                    driver: PlainDriver(base: try InProcessDriver(url, network: network)), url: url, logger: logger)
            })
    }
}

private let logger = Logger(label: "plain") { _ in SwiftLogNoOpLogHandler() }

@Suite("Every public protocol, in a package with plain settings", .timeLimit(.minutes(2)))
struct AdoptionTests {
    @Test("Each is adopted here")
    func complete() throws {
        let adopted: Set = [
            "TransportDriver", "DriverConnection", "DeliverySettler", "RPCClientMiddleware", "RPCServerMiddleware",
            "RemotelyVisibleError",
            "RPCTransferableError", "CellDirectory", "MutableCellDirectory", "CellDatabase", "TransportHarness",
            "DirectoryHarness",
        ]
        // …/Examples/ThirdPartyDriver/Tests/PlainSwift6Tests/Adoptions.swift
        let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        var found: Set<String> = []
        for folder in ["Sources", "Plugins"] {
            let files = FileManager.default.enumerator(atPath: root.appendingPathComponent(folder).path)
            while let file = files?.nextObject() as? String {
                guard file.hasSuffix(".swift") else { continue }
                let text = try String(contentsOf: root.appendingPathComponent("\(folder)/\(file)"), encoding: .utf8)
                for line in text.split(separator: "\n") where line.hasPrefix("public protocol ") {
                    found.insert(String(line.dropFirst(16).prefix { $0.isLetter }))
                }
            }
        }
        #expect(found == adopted)
    }

    @Test("A directory that somebody wrote keeps the laws")
    func directoryLaws() async throws {
        for law in DirectoryLaws.all { _ = try await law.check(PlainDirectoryHarness()) }
        #expect(try await PlainCellDatabase().instanceCount() == 0)
    }

    @Test("Middleware of both sides passes requests on, over a driver that somebody wrote")
    func middleware() async throws {
        try await PlainHarness().withWorld { world in
            let queue = MessageQueueConnection(try world.makeTransport(), logger: logger)
            var router = RPCRouter()
            router.register("echo") { arguments, _ in .object(arguments) }
            router.register("fail") { _, _ in throw PlainTransferableError() }
            var configuration = RPCServerConfiguration()
            configuration.middleware = [PlainServerMiddleware()]
            let server = RPCServer(
                queue, topic: Topic("t"), name: "s", router: router, configuration: configuration, logger: logger)
            var client = RPCClient(queue, target: RPCTarget(topic: "t"))
            client.middleware = [PlainClientMiddleware()]
            client.errors.register(PlainTransferableError.self)
            let (caller, context) = (client, RequestContext())
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await queue.run() }
                group.addTask { try await server.run() }
                defer { group.cancelAll() }
                try await server.waitUntilServing()
                let reply = try await caller.call("echo", context: context)
                #expect(reply == ["sent": true, "handled": true])
                await #expect(throws: PlainTransferableError.self) { try await caller.call("fail", context: context) }
            }
        }
    }

    @Test("A directory that somebody wrote serves a manager of cells")
    func directory() async throws {
        let directory = PlainDirectory()
        let id = CellID.random()
        _ = try await directory.createCell(
            CellMapping(
                id: id, name: "c", transportURL: URLTemplate("none:///"), databaseConnection: URLTemplate("sqlite:///c")
            ))
        let cells = CellContextManager(directory: directory, drivers: DriverRegistry(.inProcess()), logger: logger)
        let context = try cells.targeted(.admin(), at: try await directory.cell(id))
        #expect(context.mqConnection.cellID == id)
    }
}
