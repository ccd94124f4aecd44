import ArgumentParser
import Foundation
import Logging
import Switchboard
import SwitchboardCells
import SwitchboardInProcess

#if RabbitMQ
    import SwitchboardRabbitMQ
#endif

/// The example's surroundings: an API database with its cells, and where their queues are.
struct Cloud {
    let directory: any CellDirectory
    let drivers: DriverRegistry
    let ownURL: TransportURL
    let logger: Logger
    private let cells: [CellMapping]

    /// - Parameter fills: whether the database is empty, and gets the example's cells and instances.
    init(database: String?, fills: Bool, broker: String?, asMapped: Bool) async throws {
        var logger = Logger(label: "quickstart", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = .error
        self.logger = logger
        #if RabbitMQ
            drivers = DriverRegistry(.inProcess(), .rabbitMQ())
        #else
            drivers = DriverRegistry(.inProcess())
        #endif
        let queues = try Queues(broker: broker)
        ownURL = try queues.url(of: "api")
        if let database, !fills {
            let mapped = try await Databases.open(database)
            directory = asMapped ? mapped : try await Self.copy(of: mapped, queues)
        } else {
            directory = try await Self.makeDatabase(at: database, queues)
        }
        let listing = try await directory.cells()
        cells = listing.cells
        for defect in listing.defects { print("A cell cannot be read: \(defect.message)") }
    }

    /// At most 50 instances, in the order of the database.
    func instances() async throws -> [String] {
        try await directory.instanceMappings(matching: .all, after: nil, limit: 50).elements.map(\.instanceUUID)
    }

    static let topic = Topic("compute", exchange: "nova")

    /// Runs `body` while an RPC server serves in each cell that has a queue, and one in the process's own queue.
    ///
    /// - Parameter isServed: whether others serve there already.
    func whileServing(unless isServed: Bool, _ body: () async throws -> Void) async throws {
        if isServed { return try await body() }
        var queues: [(name: String, url: TransportURL)] = [("api", ownURL)]
        for cell in cells {
            if case .url(let url) = try cell.queue() { queues.append((cell.name ?? "\(cell.id)", url)) }
        }
        try await serve(in: queues[...], body)
    }

    private func serve(
        in queues: ArraySlice<(name: String, url: TransportURL)>, _ body: () async throws -> Void
    ) async throws {
        guard let (name, url) = queues.first else { return try await body() }
        var router = RPCRouter()
        router.register(Quickstart.whoAnswers) { _, _ in "compute at \(name), through \(url)" }
        try await withMessageQueue(url, drivers: drivers, name: name, logger: logger) { queue in
            try await withRPCServer(queue, topic: Self.topic, name: "host-\(name)", router: router, logger: logger) {
                try await serve(in: queues.dropFirst(), body)
            }
        }
    }

    /// An API database with cell0, two cells and some instances: in an empty one, or in a file of its own.
    private static func makeDatabase(at location: String?, _ queues: Queues) async throws -> any CellDirectory {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("quickstart-\(UUID()).sqlite")
        let directory = try await Databases.make(location ?? file.path)
        let there = try await directory.cells().cells
        guard there.allSatisfy(\.isCell0) else {
            throw ValidationError("The database has \(there.count) cells already: leave out --fill to use them.")
        }
        let ids = [CellID.cell0, .random(), .random()]
        // A database may have cell0 from its making.
        for (index, id) in ids.enumerated() where !there.contains(where: { $0.id == id }) {
            let url = try id.isCell0 ? "none:///" : queues.url(of: "cell\(index)").formatted(revealingSecrets: true)
            _ = try await directory.createCell(
                CellMapping(
                    id: id, name: "cell\(index)", transportURL: URLTemplate(url),
                    databaseConnection: URLTemplate("sqlite:///cell\(index).sqlite")))
        }
        let places = [ids[1], ids[2], ids[1], ids[2], ids[0], nil]
        _ = try await directory.mapInstances(
            places.enumerated().map { index, cell in
                InstanceMapping(
                    instanceUUID: "10000000-0000-4000-8000-00000000000\(index + 1)", cell: cell, projectID: "example")
            })
        if location == nil { print("API database: \(file.path)") }
        return directory
    }

    /// The cells and instances of a database, with queues that are there for the occasion.
    private static func copy(of source: any CellDirectory, _ queues: Queues) async throws -> InMemoryCellDirectory {
        let directory = InMemoryCellDirectory()
        for var cell in try await source.cells().cells {
            if !cell.isCell0 {
                let url = try queues.url(of: cell.name ?? "\(cell.id)")
                cell.transportURL = URLTemplate(url.formatted(revealingSecrets: true))
            }
            cell.databaseConnection = URLTemplate("sqlite:///\(cell.id)")
            _ = try await directory.createCell(cell)
        }
        let instances = try await source.instanceMappings(matching: .all, after: nil, limit: 50).elements
        _ = try await directory.mapInstances(instances)
        return directory
    }
}

/// Where queues are made: in this process, or in the virtual hosts of a RabbitMQ.
struct Queues {
    private let broker: TransportURL?

    init(broker: String?) throws {
        self.broker = try broker.map { try TransportURL($0) }
    }

    func url(of name: String) throws -> TransportURL {
        guard var url = broker else { return try TransportURL("fake://\(name)") }
        url.virtualHost = name
        return url
    }
}
