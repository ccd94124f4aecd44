#if RabbitMQ
    import Foundation
    import Logging
    import SwitchboardCore
    import SwitchboardMessaging
    import SwitchboardRabbitMQ
    import SwitchboardTesting

    let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }

    /// Cells as virtual hosts on two brokers, and the servers of their hosts.
    final class SimulatedCloud: Sendable {
        static let topic = Topic("compute", exchange: "nova")
        /// How many hosts of each cell have a connection of their own, which can end.
        static let fragileCount = 5

        let brokers: [TestBroker]
        let cellCount: Int
        let hostCount: Int
        private let mute = Locked<Set<String>>([])
        private let tasks = Locked<[String: Task<Void, Never>]>([:])
        private let connections = Locked<[Int: MessageQueueConnection]>([:])

        init(cells: Int, hosts: Int) async throws {
            (cellCount, hostCount) = (cells, hosts)
            var configuration = TestBrokerConfiguration()
            // Thousands of queues need more than a test does: a broker that is low on memory takes no messages.
            configuration.settings = ["log.file.level = warning", "vm_memory_high_watermark.absolute = 4GB"]
            brokers = [try await .start(configuration), try await .start(configuration)]
            for cell in 0..<cells { try await broker(of: cell).addVirtualHost(name(of: cell)) }
        }

        func broker(of cell: Int) -> TestBroker { brokers[cell * 2 < cellCount ? 0 : 1] }

        /// From `cell1` on: `cell0` is the cell without a queue.
        func name(of cell: Int) -> String { "cell\(cell + 1)" }

        func hosts(of cell: Int) -> [String] { (0..<hostCount).map { host(cell, $0) } }

        func host(_ cell: Int, _ number: Int) -> String { "c\(cell)-h\(number)" }

        func url(of cell: Int) -> TransportURL { broker(of: cell).url(virtualHost: name(of: cell)) }

        /// Serves all hosts; returns when all do.
        func serve() async throws {
            for cell in 0..<cellCount {
                let (fragile, rest) = (try connect(to: cell), try connect(to: cell))
                run("fragile\(cell)") { try? await fragile.run() }
                run("rest\(cell)") { try? await rest.run() }
                connections.withLock { $0[cell] = rest }
                var servers: [RPCServer] = []
                for (number, host) in hosts(of: cell).enumerated() {
                    servers.append(serve(host, on: number < Self.fragileCount ? fragile : rest))
                }
                for server in servers { try await server.waitUntilServing(timeout: .seconds(600)) }
            }
        }

        private func connect(to cell: Int) throws -> MessageQueueConnection {
            try MessageQueueConnection(url(of: cell), drivers: DriverRegistry(.rabbitMQ()), logger: logger)
        }

        private func serve(_ host: String, on connection: MessageQueueConnection) -> RPCServer {
            var router = RPCRouter()
            let mute = mute
            router.register("oslo_rpc_server_ping") { _, _ in
                // As one whose reply queue has expired: it takes requests, and nothing comes back.
                if mute.withLock({ $0.contains(host) }) { try await Task.sleep(for: .seconds(86_400)) }
                return "pong"
            }
            let server = RPCServer(connection, topic: Self.topic, name: host, router: router, logger: logger)
            run(host) { try? await server.run() }
            return server
        }

        private func run(_ name: String, _ body: @escaping @Sendable () async -> Void) {
            let task = Task { await body() }
            tasks.withLock { $0[name] = task }
        }

        private func end(_ name: String) async {
            guard let task = tasks.withLock({ $0.removeValue(forKey: name) }) else { return }
            task.cancel()
            await task.value
        }

        // MARK: Faults

        /// A process with five hosts ends; their queues stay.
        func stopServers(of cell: Int) async -> [String] {
            await end("fragile\(cell)")
            return (0..<Self.fragileCount).map { host(cell, $0) }
        }

        /// Hosts stop consuming, on a connection that lives on.
        func cancelConsumers(of cell: Int, _ numbers: Range<Int>) async -> [String] {
            let hosts = numbers.map { host(cell, $0) }
            for host in hosts { await end(host) }
            return hosts
        }

        /// Hosts take requests and don't answer.
        func silence(_ cell: Int, _ numbers: Range<Int>) -> [String] {
            let hosts = numbers.map { host(cell, $0) }
            mute.withLock { $0.formUnion(hosts) }
            return hosts
        }

        /// Makes the queue of a host whose service never ran.
        func makeQueue(of host: String, in cell: Int) async throws {
            guard let connection = connections.withLock({ $0[cell] }) else { return }
            let server = serve(host, on: connection)
            try await server.waitUntilServing(timeout: .seconds(600))
            await end(host)
        }

        func revokePermissions(of cell: Int) async throws {
            let broker = broker(of: cell)
            try await broker.setPermissions(
                of: broker.username, in: name(of: cell), configure: "^$", write: "^$", read: "^$")
        }

        // MARK: Figures

        /// Connections of each cell.
        func connectionCounts() async throws -> [String: Int] {
            var counts: [String: Int] = [:]
            for broker in brokers {
                for connection in try await broker.connections() { counts[connection.virtualHost, default: 0] += 1 }
            }
            return counts
        }

        /// Seconds of processor time of all brokers so far.
        func brokerSeconds() -> Double {
            brokers.compactMap(\.processID).reduce(0) { $0 + processorSeconds(of: $1) }
        }

        func stop() async {
            for task in tasks.withLock({ Array($0.values) }) { task.cancel() }
            for broker in brokers { await broker.stop() }
        }
    }

    /// Seconds of processor time of a process so far.
    func processorSeconds(of process: Int32) -> Double {
        guard let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let end = stat.lastIndex(of: ")")
        else { return 0 }
        let fields = stat[end...].split(separator: " ")
        guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) else { return 0 }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
#endif
