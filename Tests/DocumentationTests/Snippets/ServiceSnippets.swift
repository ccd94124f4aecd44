import Logging
import ServiceLifecycle
import SwitchboardCore
import SwitchboardMessaging

#if RabbitMQ
    import SwitchboardRabbitMQ
    import UnixSignals

    // What "Writing a service" quotes.

    // snippet.service
    enum Calculator {
        struct Pair: Codable, Sendable {
            var a: Int
            var b: Int
        }

        static let add = RPCMethod<Pair, Int>("add", version: "1.1")
    }

    func serveCalculator(logger: Logger) async throws {
        let url = try TransportURL("rabbit://guest:guest@localhost:5672/")
        let connection = try MessageQueueConnection(url, drivers: DriverRegistry(.rabbitMQ()), logger: logger)

        var router = RPCRouter()
        router.register(Calculator.add) { pair, context in pair.a + pair.b }
        let server = RPCServer(
            connection, topic: Topic("calculator"), name: "host1", router: router, logger: logger)

        try await ServiceGroup(
            services: [connection, server], gracefulShutdownSignals: [.sigterm], logger: logger
        ).run()
    }
    // snippet.end

    func callSnippet(connection: MessageQueueConnection) async throws {
        // snippet.call
        let client = RPCClient(connection, target: RPCTarget(topic: "calculator"))
        let sum = try await client.call(Calculator.add, .init(a: 2, b: 40), context: RequestContext())
        // snippet.end
        _ = sum
    }

    func executorSnippets(
        connection: MessageQueueConnection, client: RPCClient, context: RequestContext
    ) async throws {
        // snippet.serverExecutor
        var configuration = RPCServerConfiguration()
        configuration.executor = connection.transport.taskExecutor
        // snippet.clientExecutor
        let sum = try await withTaskExecutorPreference(connection.transport.taskExecutor) {
            try await client.call(Calculator.add, .init(a: 2, b: 40), context: context)
        }
        // snippet.end
        _ = (configuration, sum)
    }
#endif
