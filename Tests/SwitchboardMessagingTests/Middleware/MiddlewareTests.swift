import SwitchboardCore
import SwitchboardInProcess
import SwitchboardMessaging
import Testing

/// Writes down who was there, in order.
private struct Tracker: RPCClientMiddleware, RPCServerMiddleware {
    let name: String
    let log: Locked<[String]>

    func send(
        _ request: RPCClientRequest, next: @Sendable (RPCClientRequest) async throws -> JSONValue
    ) async throws -> JSONValue {
        log.withLock { $0.append("\(name) \(request.kind) \(request.method)") }
        defer { log.withLock { $0.append("\(name) after") } }
        return try await next(request)
    }

    func handle(
        _ request: RPCServerRequest, next: @Sendable (RPCServerRequest) async throws -> JSONValue
    ) async throws -> JSONValue {
        log.withLock { $0.append("\(name) \(request.method) on \(request.server)") }
        defer { log.withLock { $0.append("\(name) after") } }
        return try await next(request)
    }
}

/// Lets only administrators call, and renames a method.
private struct Gatekeeper: RPCServerMiddleware {
    func handle(
        _ request: RPCServerRequest, next: @Sendable (RPCServerRequest) async throws -> JSONValue
    ) async throws -> JSONValue {
        guard request.context.isAdmin == true || request.method == "oslo_rpc_server_ping" else {
            throw RemoteError(className: "Forbidden", module: "nova.exception", message: "not you")
        }
        var request = request
        if request.method == "old_name" { request.method = "echo" }
        return try await next(request)
    }
}

/// Answers by itself.
private struct Cache: RPCClientMiddleware {
    func send(
        _ request: RPCClientRequest, next: @Sendable (RPCClientRequest) async throws -> JSONValue
    ) async throws -> JSONValue {
        request.method == "cached" ? "from the cache" : try await next(request)
    }
}

@Suite("Middleware", .timeLimit(.minutes(5)))
struct MiddlewareTests {
    private func withEcho(
        _ middleware: [any RPCServerMiddleware], _ body: @escaping @Sendable (RPCClient) async throws -> Void
    ) async throws {
        let network = InProcessNetwork()
        let connection = try makeConnection(network: network)
        let serverConnection = try makeConnection(network: network)
        var router = RPCRouter()
        router.registerPing()
        router.register("echo") { arguments, _ in .object(arguments) }
        var configuration = RPCServerConfiguration()
        configuration.middleware = middleware
        let server = RPCServer(
            serverConnection, topic: Topic("echo"), name: "host1", router: router, configuration: configuration,
            logger: quietLogger)
        let client = RPCClient(connection, target: RPCTarget(topic: "echo"), timeout: .seconds(40))
        try await withRunning(connection, serverConnection, server) {
            try await server.waitUntilServing()
            try await body(client)
        }
    }

    @Test("Every request passes through in the order of the list, and every reply in the other")
    func order() async throws {
        let log = Locked<[String]>([])
        try await withEcho([Tracker(name: "c", log: log), Tracker(name: "d", log: log)]) { client in
            var client = client
            log.withLock { $0 = [] }
            client.middleware = [Tracker(name: "a", log: log), Tracker(name: "b", log: log)]
            let echoed = try await client.call("echo", ["x": 1], context: .admin())
            #expect(echoed == ["x": 1])
            #expect(
                log.withLock { $0 } == [
                    "a call echo", "b call echo", "c echo on host1", "d echo on host1", "d after", "c after", "b after",
                    "a after",
                ])
            log.withLock { $0 = [] }
            client.middleware = [Tracker(name: "a", log: log)]
            try await client.cast("echo", context: .admin())
            try await client.fanout("echo", context: .admin())
            #expect(
                log.withLock { $0.filter { $0.hasPrefix("a ") } } == [
                    "a cast echo", "a after", "a fanout echo", "a after",
                ])
        }
    }

    @Test("It may refuse, rename and answer by itself")
    func intervention() async throws {
        try await withEcho([Gatekeeper()]) { client in
            let refused = await #expect(throws: RPCError.self) {
                try await client.call("echo", context: RequestContext())
            }
            #expect(refused?.remote?.className == "Forbidden")
            let renamed = try await client.call("old_name", ["x": 1], context: .admin())
            #expect(renamed == ["x": 1])
            var client = client
            client.middleware = [Cache()]
            let cached = try await client.call("cached", context: RequestContext())
            #expect(cached == "from the cache")
            // A method that nobody has is found out behind it.
            let missing = await #expect(throws: RPCError.self) { try await client.call("none", context: .admin()) }
            #expect(missing?.code == .noSuchMethod)
        }
    }
}
