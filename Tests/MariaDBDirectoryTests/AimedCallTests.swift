#if MariaDB
    import SwitchboardCells
    import SwitchboardCore
    import SwitchboardInProcess
    import SwitchboardMariaDB
    import SwitchboardMessaging
    import SwitchboardTesting
    import Testing

    /// Calls that are aimed through mappings on a server that is in trouble.
    @Suite("Aimed calls while the directory's server is in trouble", .timeLimit(.minutes(3)))
    struct AimedCallTests {
        private static let names = ["one", "two"]
        /// Each second, in all.
        private static let rate = 200

        @Test(
            "200 calls a second reach the right cell and none fails, while the server is stopped, killed and started again"
        )
        func calls() async throws {
            try await TestDatabase.withServer { server in
                try await withDirectory(on: server) {
                    $0.lookupTimeout = .seconds(60)
                } _: { directory, _, _ in
                    let network = InProcessNetwork()
                    let drivers = DriverRegistry(.inProcess(network: network))
                    var cells: [CellMapping] = []
                    for name in Self.names {
                        cells.append(
                            try await directory.createCell(
                                CellMapping(id: .random(), name: name, transportURL: URLTemplate("fake://\(name)"))))
                    }
                    try await directory.mapInstances(
                        (0..<100).map {
                            InstanceMapping(
                                instanceUUID: instance($0), cell: cells[$0 % 2].id, projectID: "p")
                        })
                    let own = try MessageQueueConnection(TransportURL("fake://own"), drivers: drivers, logger: quiet)
                    let client = RPCClient(own, target: RPCTarget(topic: "compute"), timeout: .seconds(60))
                    let manager = CellContextManager(directory: directory, drivers: drivers, logger: quiet)
                    let answered = try await withThrowingTaskGroup(of: Int.self) { group in
                        group.addTask {
                            try await own.run()
                            return 0
                        }
                        group.addTask {
                            try await manager.run()
                            return 0
                        }
                        defer { group.cancelAll() }
                        for name in Self.names {
                            try await serve(name, drivers, in: &group).waitUntilServing()
                        }
                        return try await call(through: manager, client, while: server)
                    }
                    // Two seconds of trouble at least.
                    #expect(answered > 2 * Self.rate)
                }
            }
        }

        /// A server that answers with its cell's name.
        private func serve(
            _ name: String, _ drivers: DriverRegistry, in group: inout ThrowingTaskGroup<Int, any Error>
        ) throws -> RPCServer {
            let connection = try MessageQueueConnection(TransportURL("fake://\(name)"), drivers: drivers, logger: quiet)
            var router = RPCRouter()
            router.register("who") { _, _ in .string(name) }
            let server = RPCServer(connection, topic: "compute", name: "host", router: router, logger: quiet)
            group.addTask {
                try await connection.run()
                return 0
            }
            group.addTask {
                try await server.run()
                return 0
            }
            return server
        }

        /// Calls at the rate until all trouble is over; returns how many calls were answered.
        private func call(
            through manager: CellContextManager, _ client: RPCClient, while server: TestDatabase
        ) async throws -> Int {
            let isOver = Locked(false)
            return try await withThrowingTaskGroup(of: Int.self) { group in
                group.addTask {
                    try await Task.sleep(for: .milliseconds(300))
                    server.pause()
                    try await Task.sleep(for: .milliseconds(700))
                    server.resume()
                    try await Task.sleep(for: .milliseconds(500))
                    await server.kill9()
                    try await Task.sleep(for: .milliseconds(500))
                    try await server.startNode()
                    try await Task.sleep(for: .milliseconds(500))
                    try await server.restart()
                    try await Task.sleep(for: .milliseconds(300))
                    isOver.withLock { $0 = true }
                    return 0
                }
                let clock = ContinuousClock()
                let start = clock.now
                var number = 0
                while !isOver.withLock({ $0 }) {
                    let next = number
                    group.addTask {
                        let answer = try await manager.withTargetCell(
                            forInstance: instance(next % 100), RequestContext()
                        ) { try await client.call("who", context: $0) }
                        #expect(answer == .string(Self.names[next % 2]))
                        return 1
                    }
                    number += 1
                    try await clock.sleep(until: start + .seconds(1) / Self.rate * number)
                }
                return try await group.reduce(0, +)
            }
        }
    }
#endif
