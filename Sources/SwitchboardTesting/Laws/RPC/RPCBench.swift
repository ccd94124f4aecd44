import Logging
import SwitchboardCore
import SwitchboardMessaging

/// What the RPC laws work with: servers, clients, and what the servers' handlers saw.
struct RPCBench: Sendable {
    let world: TransportWorld

    /// A call that a handler got.
    struct Call: Sendable, Hashable {
        let server: String
        let method: String
        let value: JSONValue
    }

    /// One server: its topic, its name, and how it works.
    struct Server: Sendable {
        var name: String
        var topic = Topic("laws", exchange: "switchboard")
        var configuration = RPCServerConfiguration()
    }

    private let seen = Locked<[Call]>([])
    private let logger = Logger(label: "laws") { _ in SwiftLogNoOpLogHandler() }

    init(world: TransportWorld) {
        self.world = world
    }

    /// The calls so far, in the order in which their handlers began.
    var calls: [Call] { seen.withLock { $0 } }

    /// Longer than anything takes that works.
    var timeout: Duration { world.patience * 5 }

    func makeConnection() throws -> MessageQueueConnection {
        MessageQueueConnection(try world.makeTransport(), logger: logger)
    }

    /// The methods of a server: `note` (writes down its argument), `add`, `fail`, and those that `more` adds.
    private func makeRouter(_ server: String, _ more: (inout RPCRouter) -> Void) -> RPCRouter {
        struct Pair: Codable, Sendable {
            var a: Int
            var b: Int
        }
        var router = RPCRouter()
        router.registerPing()
        router.register("note") { [seen] arguments, _ in
            seen.withLock { $0.append(Call(server: server, method: "note", value: arguments["value"] ?? nil)) }
            return .string(server)
        }
        router.register(RPCMethod<Pair, Int>("add", version: "1.3")) { pair, _ in pair.a + pair.b }
        router.register("who", namespace: "extra", version: "2.1") { _, _ in .string(server) }
        router.register("fail") { arguments, _ in
            throw RemoteError(className: "ValueError", message: arguments["message"]?.string ?? "")
        }
        more(&router)
        return router
    }

    /// Runs servers, each on a connection of its own, and a client's connection, for as long as `body` runs. The servers
    /// listen when it is called.
    func withServers(
        _ servers: [Server], methods: @escaping @Sendable (Server, inout RPCRouter) -> Void = { _, _ in },
        _ body: @escaping @Sendable (MessageQueueConnection) async throws -> Void
    ) async throws {
        let connection = try makeConnection()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await connection.run() }
            for server in servers {
                let connection = try makeConnection()
                let router = makeRouter(server.name) { methods(server, &$0) }
                let service = RPCServer(
                    connection, topic: server.topic, name: server.name, router: router,
                    configuration: server.configuration, logger: logger)
                group.addTask { try await connection.run() }
                group.addTask { try await service.run() }
            }
            defer { group.cancelAll() }
            for server in servers { try await waitUntilListening(server, connection) }
            try await body(connection)
        }
    }

    /// Asks a server by its name until it answers.
    private func waitUntilListening(_ server: Server, _ connection: MessageQueueConnection) async throws {
        let client = RPCClient(connection, target: target(server.topic), timeout: world.patience)
        let end = ContinuousClock.now + world.patience * 3
        while true {
            do {
                _ = try await client.call("oslo_rpc_server_ping", to: server.name, context: RequestContext())
                return
            } catch let error as RPCError where error.code == .unroutable && .now < end {
                try await Task.sleep(for: .milliseconds(2))
            }
        }
    }

    func client(_ connection: MessageQueueConnection, _ topic: Topic = Topic("laws", exchange: "switchboard"))
        -> RPCClient
    {
        RPCClient(connection, target: target(topic), timeout: timeout)
    }

    private func target(_ topic: Topic) -> RPCTarget {
        RPCTarget(topic: topic.name, exchange: topic.exchange)
    }

    // MARK: Findings

    func require(_ condition: Bool, _ finding: @autoclosure () -> String) throws {
        if !condition { throw Finding(finding()) }
    }

    /// Requires an error of a code.
    @discardableResult
    func requireError(
        _ code: RPCError.Code, from what: String, _ body: () async throws -> some Sendable
    ) async throws -> RPCError {
        do {
            _ = try await body()
        } catch let error as RPCError {
            try require(error.code == code, "\(what) failed with \"\(error)\" instead of \(code).")
            return error
        }
        throw Finding("\(what) went well; \(code) was due.")
    }

    /// Waits until the handlers have seen what is wanted.
    func waitForCalls(_ what: String, _ isEnough: @Sendable ([Call]) -> Bool) async throws {
        let end = ContinuousClock.now + world.patience
        while !isEnough(calls) {
            guard .now < end else { throw Finding("\(what) did not come; there were \(calls).") }
            try await Task.sleep(for: .milliseconds(2))
        }
    }
}
