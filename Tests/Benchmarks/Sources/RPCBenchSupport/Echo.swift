public import Logging
public import SwitchboardCore
public import SwitchboardMessaging

/// What the benchmarks of RPC call: "echo" gives its argument back, "drop" does nothing.
public enum Echo {
    public struct Arguments: Codable, Sendable {
        public var body: String

        public init(body: String) {
            self.body = body
        }
    }

    public static let topic = Topic("bench")
    public static let method = RPCMethod<Arguments, String>("echo")
    public static let drop = RPCMethod<Arguments, NoReply>("drop")
    /// As programs have it, whose warnings are logged.
    public static let logger = {
        var logger = Logger(label: "bench") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .warning
        return logger
    }()

    /// - Parameters:
    ///   - typed: whether its handlers take and return values, or JSON.
    ///   - executor: runs its handlers.
    public static func server(
        on connection: MessageQueueConnection, topic: Topic = topic, typed: Bool = true,
        executor: (any TaskExecutor)? = nil
    ) -> RPCServer {
        var router = RPCRouter()
        router.registerPing()
        if typed {
            router.register(method) { arguments, _ in arguments.body }
            router.register(drop) { _, _ in NoReply() }
        } else {
            router.register("echo") { arguments, _ in arguments["body"] ?? .null }
            router.register("drop") { _, _ in .null }
        }
        var configuration = RPCServerConfiguration()
        configuration.executor = executor
        return RPCServer(
            connection, topic: topic, name: "bench", router: router, configuration: configuration, logger: logger)
    }

    /// A client of the server, once that answers: it may be another process, and nothing but asking tells.
    public static func client(
        of connection: MessageQueueConnection, topic: Topic = topic, timeout: Duration
    ) async throws -> RPCClient {
        let client = RPCClient(connection, target: RPCTarget(topic: topic.name), timeout: timeout)
        while true {
            do {
                _ = try await client.call("oslo_rpc_server_ping", context: RequestContext())
                return client
            } catch let error as RPCError where error.code == .unroutable {
                try await Task.sleep(for: .milliseconds(10))
            }
        }
    }
}
