#if RabbitMQ
    import Logging
    import ServiceLifecycle
    import SwitchboardCells
    import SwitchboardCore
    import SwitchboardInProcess
    import SwitchboardMessaging
    import SwitchboardRabbitMQ
    import UnixSignals
    import SwitchboardSQLite

    // What README.md quotes.

    func cellsOfREADME(instance: String, host: String, logger: Logger) async throws {
        // snippet.readmeCells
        let drivers = DriverRegistry(.inProcess(), .rabbitMQ())
        let directory = try SQLiteCellDirectory("nova_api.sqlite")
        // snippet.hide
        // swift-format-ignore
        // snippet.show
        let own = try MessageQueueConnection(TransportURL("rabbit://guest:guest@127.0.0.1/api"), drivers: drivers, logger: logger)
        let cells = CellContextManager(directory: directory, drivers: drivers, logger: logger)
        let client = RPCClient(own, target: RPCTarget(topic: "compute", exchange: "nova"))

        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await own.run() }
            group.addTask { try await cells.run() }
            defer { group.cancelAll() }

            let context = RequestContext(userID: "alice", projectID: "demo")
            // Aimed: the copy of the context carries the queue of the instance's cell.
            let diagnostics = try await cells.withTargetCell(forInstance: instance, context) { context in
                try await client.call("get_diagnostics", ["instance": .string(instance)], to: host, context: context)
            }
            // Not aimed: the same client, through the process's own queue.
            let answer = try await client.call("ping", context: context)
            // snippet.hide
            _ = (diagnostics, answer)
            // snippet.show
        }
        // snippet.end
    }

    func serviceOfREADME(connection: MessageQueueConnection, logger: Logger) async throws {
        // snippet.readmeService
        enum Calculator {
            struct Pair: Codable, Sendable {
                var a: Int
                var b: Int
            }

            static let add = RPCMethod<Pair, Int>("add", version: "1.1")
        }

        var router = RPCRouter()
        router.register(Calculator.add) { pair, context in pair.a + pair.b }
        let server = RPCServer(connection, topic: Topic("calculator"), name: "host1", router: router, logger: logger)
        try await ServiceGroup(
            services: [connection, server], gracefulShutdownSignals: [.sigterm], logger: logger
        ).run()

        // Elsewhere:
        let client = RPCClient(connection, target: RPCTarget(topic: "calculator"))
        let sum = try await client.call(Calculator.add, .init(a: 2, b: 40), context: RequestContext())
        // snippet.end
        _ = sum
    }
#endif
