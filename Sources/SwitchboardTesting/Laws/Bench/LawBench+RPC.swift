import Logging
import ServiceLifecycle
import SwitchboardCore
import SwitchboardMessaging

/// Servers and callers of the RPC laws.
extension LawBench {
    /// The interface that the laws serve.
    enum Interface {
        struct Text: Codable, Sendable {
            var text: String
        }

        /// Says what it was told.
        static let echo = RPCMethod<Text, String>("echo", version: "1.2")
        /// Does what the law wants it to.
        static let work = RPCMethod<Text, String>("work", version: "1.0")
    }

    /// Where the servers of the laws listen.
    var target: RPCTarget { RPCTarget(topic: topic.name, exchange: topic.exchange) }

    /// Laws say what they find by their errors.
    var logger: Logger { Self.logger }

    private static let logger = Logger(label: "laws") { _ in SwiftLogNoOpLogHandler() }

    /// The methods of the laws; `work` does the rest.
    static func router(
        _ work: @escaping @Sendable (String, RequestContext) async throws -> String = { text, _ in text }
    ) -> RPCRouter {
        var router = RPCRouter()
        router.registerPing()
        router.register(Interface.echo) { arguments, _ in arguments.text }
        router.register(Interface.work) { try await work($0.text, $1) }
        return router
    }

    func makeConnection() throws -> MessageQueueConnection {
        MessageQueueConnection(try world.makeTransport(), name: "laws", logger: Self.logger)
    }

    func makeServer(
        on connection: MessageQueueConnection, name: String, of topic: Topic? = nil, _ router: RPCRouter,
        _ configuration: RPCServerConfiguration = RPCServerConfiguration()
    ) -> RPCServer {
        RPCServer(
            connection, topic: topic ?? self.topic, name: name, router: router, configuration: configuration,
            logger: Self.logger)
    }

    func makeClient(on connection: MessageQueueConnection) -> RPCClient {
        RPCClient(connection, target: target, timeout: patience * 3)
    }

    /// Runs a service for as long as `body` runs; its end must be a good one.
    func withRunning<Result: Sendable>(
        _ service: some Service, _ body: () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await service.run() }
            defer { group.cancelAll() }
            let result = try await body()
            group.cancelAll()
            try await group.waitForAll()
            return result
        }
    }

    /// A caller with a connection of its own.
    func withClient<Result: Sendable>(_ body: (RPCClient) async throws -> Result) async throws -> Result {
        let connection = try makeConnection()
        return try await withRunning(connection) { try await body(makeClient(on: connection)) }
    }

    /// A server that listens, on a connection of its own.
    func withServer<Result: Sendable>(
        _ name: String = "one", of topic: Topic? = nil, _ router: RPCRouter = LawBench.router(),
        _ configuration: RPCServerConfiguration = RPCServerConfiguration(), _ body: () async throws -> Result
    ) async throws -> Result {
        let connection = try makeConnection()
        return try await withRunning(connection) {
            try await withRunning(makeServer(on: connection, name: name, of: topic, router, configuration)) {
                var client = makeClient(on: connection)
                if let topic { client.target = RPCTarget(topic: topic.name, exchange: topic.exchange) }
                try await waitForServer(name, client)
                return try await body()
            }
        }
    }

    /// One server and one caller.
    func withService(
        _ router: RPCRouter = LawBench.router(), _ body: (RPCClient) async throws -> Void
    ) async throws {
        try await withServer("one", router) { try await withClient(body) }
    }

    /// Waits until a server answers. It then has all its subscriptions.
    func waitForServer(_ name: String, _ client: RPCClient) async throws {
        let end = ContinuousClock.now + patience
        while true {
            do {
                _ = try await client.call(
                    "oslo_rpc_server_ping", to: name, context: RequestContext(), timeout: min(patience, .seconds(1)))
                return
            } catch let error as RPCError where error.isPassing && .now < end {
                await Task.yield()
            }
        }
    }

    /// Calls again after errors that a loss explains, for as long as the world's patience.
    func callUntilAnswered(_ text: String, _ client: RPCClient) async throws -> String {
        let end = ContinuousClock.now + patience * 2
        while true {
            do {
                return try await client.call(
                    Interface.echo, .init(text: text), context: RequestContext(), timeout: min(patience, .seconds(2)))
            } catch let error as RPCError where error.isPassing && .now < end {
                await Task.yield()
            }
        }
    }

    /// Requires an error of one of the codes.
    @discardableResult
    func requireRPCError<Result>(
        _ codes: RPCError.Code..., from what: String, _ body: () async throws -> Result
    ) async throws -> RPCError {
        let wanted = codes.map(\.description).joined(separator: " or ")
        do {
            _ = try await body()
        } catch let error as RPCError {
            try require(codes.contains(error.code), "\(what) failed with \"\(error)\" instead of \(wanted).")
            return error
        } catch {
            throw Finding("\(what) failed with \"\(error)\" instead of an RPCError \(wanted).")
        }
        throw Finding("\(what) went well; \(wanted) was due.")
    }

    func requireEqual<Value: Equatable>(_ found: Value, _ wanted: Value, _ what: String) throws {
        try require(found == wanted, "\(what) is \"\(found)\" instead of \"\(wanted)\".")
    }
}

extension RPCError {
    /// What a server that is starting, or a connection that comes back, explains.
    var isPassing: Bool {
        [.unroutable, .timeout, .unavailable, .indeterminate].contains(code)
    }
}
