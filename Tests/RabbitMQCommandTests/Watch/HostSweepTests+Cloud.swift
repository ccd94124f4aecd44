import Logging
import SwitchboardCells
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardMessaging

@testable import SwitchboardCommand

/// Hosts in cells that are asked.
extension HostSweepTests {
    /// How a host answers.
    enum Manner: Sendable {
        case answers, hasNoPing, hangs
        case takes(Duration)
    }

    /// Cells on in-process queues.
    struct Cloud: Sendable {
        static let topic = Topic("compute", exchange: "nova")
        static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

        let drivers = DriverRegistry(.inProcess(network: InProcessNetwork()))
        let directory = InMemoryCellDirectory()

        static func id(_ number: Int) -> CellID {
            let digits = String(number)
            return CellID("10000000-0000-4000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits)!
        }

        func addCell(_ number: Int, url: String? = nil, hosts: [String], isDisabled: Bool = false) async throws {
            _ = try await directory.createCell(
                CellMapping(
                    id: Self.id(number), name: "cell\(number)",
                    transportURL: URLTemplate(url ?? "fake://cell\(number)"),
                    databaseConnection: URLTemplate("sqlite:///cell\(number)"), isDisabled: isDisabled))
            if !hosts.isEmpty { _ = try await directory.mapHosts(hosts, to: Self.id(number)) }
        }

        /// Serves hosts of a queue while `body` runs.
        func serving<Result: Sendable>(
            _ queue: String, _ hosts: [String: Manner], _ body: @escaping @Sendable () async throws -> Result
        ) async throws -> Result {
            let connection = try MessageQueueConnection(
                TransportURL("fake://\(queue)"), drivers: drivers, logger: Self.logger)
            return try await withRunning(connection) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    var servers: [RPCServer] = []
                    for (host, manner) in hosts {
                        let server = RPCServer(
                            connection, topic: Self.topic, name: host, router: Self.router(manner),
                            logger: Self.logger)
                        servers.append(server)
                        group.addTask { try await server.run() }
                    }
                    defer { group.cancelAll() }
                    for server in servers { try await server.waitUntilServing() }
                    return try await body()
                }
            }
        }

        private static func router(_ manner: Manner) -> RPCRouter {
            var router = RPCRouter()
            router.register("hello") { _, _ in "hello" }
            switch manner {
            case .answers: router.registerPing()
            case .hasNoPing: break
            case .hangs:
                // Longer than any test takes; it is cancelled at its end.
                router.register("oslo_rpc_server_ping") { _, _ in
                    try await Task.sleep(for: .seconds(3600))
                    return "pong"
                }
            case .takes(let time):
                // What the test measures.
                router.register("oslo_rpc_server_ping") { _, _ in
                    try await Task.sleep(for: time)
                    return "pong"
                }
            }
            return router
        }

        func sweep(
            asksTwice: Bool = false, _ change: (inout HostSweep.Configuration) -> Void = { _ in }
        ) -> HostSweep {
            var configuration = HostSweep.Configuration()
            configuration.timeout = .seconds(30)
            configuration.classifier = HostClassifier(slow: .seconds(100))
            configuration.rate = 10_000
            configuration.asksTwice = asksTwice
            change(&configuration)
            return HostSweep(
                configuration: configuration,
                connections: CellConnections(base: BaseURLs(), drivers: drivers, logger: Self.logger))
        }

        func look(
            only: [String] = [], includingDisabled: Bool = false, _ sweep: HostSweep
        ) async throws -> [CellID: CellObservation] {
            let listing = try await HostListing.read(from: directory, only: only, includingDisabled: includingDisabled)
            return try await HostsCheck.look(listing, sweep)
        }
    }
}
