#if RabbitMQ
import Logging
import ServiceLifecycle
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardRabbitMQ
import SwitchboardTesting
import Testing

/// Runs services for as long as `body` runs.
func withRunning<Result: Sendable>(
    _ services: any Service..., body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for service in services { group.addTask { try await service.run() } }
        defer { group.cancelAll() }
        return try await body()
    }
}

let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

func makeConnection(_ url: TransportURL, name: String = "own") throws -> MessageQueueConnection {
    try MessageQueueConnection(url, drivers: DriverRegistry(.rabbitMQ()), name: name, logger: quietLogger)
}

/// Waits until a server listens, by asking it.
func waitForServer(_ client: RPCClient) async throws {
    let end = ContinuousClock.now + .seconds(20)
    while true {
        do {
            _ = try await client.call("oslo_rpc_server_ping", context: RequestContext())
            return
        } catch let error as RPCError where error.code == .unroutable && .now < end {
            await Task.yield()
        }
    }
}

@Suite("RPC over RabbitMQ", .timeLimit(.minutes(2)))
struct RabbitMQRPCTests {
    private static func echoRouter() -> RPCRouter {
        var router = RPCRouter()
        router.registerPing()
        router.register("echo") { arguments, _ in arguments["body"] ?? .null }
        return router
    }

    private func withEcho(_ body: @escaping @Sendable (RPCClient) async throws -> Void) async throws {
        let broker = try await TestBroker.shared()
        try await broker.withVirtualHost { name in
            let connection = try makeConnection(broker.url(virtualHost: name))
            let serverConnection = try makeConnection(broker.url(virtualHost: name))
            let server = RPCServer(
                serverConnection, topic: Topic("echo"), name: "host1", router: Self.echoRouter(),
                logger: quietLogger)
            let client = RPCClient(connection, target: RPCTarget(topic: "echo"), timeout: .seconds(20))
            try await withRunning(connection, serverConnection, server) {
                try await waitForServer(client)
                try await body(client)
            }
        }
    }

    @Test("A call comes back, whatever its size")
    func sizes() async throws {
        try await withEcho { client in
            for size in [0, 1, 4088, 131_064, 131_065, 300_000, 2_000_000] {
                let text = String(repeating: "x", count: size)
                let reply = try await client.call("echo", ["body": .string(text)], context: RequestContext())
                #expect(reply == .string(text))
            }
        }
    }

    @Test("Many calls at once each get their own reply")
    func manyCalls() async throws {
        try await withEcho { client in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<300 {
                    group.addTask {
                        let reply = try await client.call(
                            "echo", ["body": .integer(Int64(number))], to: number % 2 == 0 ? "host1" : nil,
                            context: RequestContext())
                        #expect(reply == .integer(Int64(number)))
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("With stable names, replies come through the queue of the host, the program and a number")
    func stableReplyQueue() async throws {
        let broker = try await TestBroker.shared()
        try await broker.withVirtualHost { name in
            var url = broker.url(virtualHost: name)
            // The lock on a name is the machine's: another run of the tests must not have it.
            let host = "host-\(UInt64.random(in: 0...UInt64.max))"
            url.options += [
                .init("use_queue_manager", "true"), .init("hostname", host), .init("processname", "program"),
            ]
            // The server's connection was made first, and has asked for no reply.
            #expect(try await replyQueues(broker, name, after: url) == ["reply_\(host):program:2"])
            // Both numbers are free again.
            let next = try makeConnection(url)
            try await withRunning(next) { _ = try await next.roundTrip() }
            let queues = try await broker.queues(in: name).map(\.name).filter { $0.hasPrefix("reply_") }
            #expect(Set(queues) == ["reply_\(host):program:1", "reply_\(host):program:2"])
        }
    }

    /// The queues of replies that there are after a call.
    private func replyQueues(_ broker: TestBroker, _ name: String, after url: TransportURL) async throws -> [String] {
        let serverConnection = try makeConnection(url)
        let server = RPCServer(
            serverConnection, topic: Topic("echo"), name: "host1", router: Self.echoRouter(), logger: quietLogger)
        let connection = try makeConnection(url)
        let client = RPCClient(connection, target: RPCTarget(topic: "echo"), timeout: .seconds(20))
        return try await withRunning(connection, serverConnection, server) {
            try await waitForServer(client)
            #expect(try await client.call("echo", ["body": 1], context: RequestContext()) == 1)
            return try await broker.queues(in: name).map(\.name).filter { $0.hasPrefix("reply_") }
        }
    }

    @Test("A call to nobody fails in one round trip")
    func nobody() async throws {
        try await withEcho { client in
            var client = client
            client.target = RPCTarget(topic: "nobody")
            let start = ContinuousClock.now
            let error = await #expect(throws: RPCError.self) {
                try await client.call("x", context: RequestContext())
            }
            #expect(error?.code == .unroutable)
            #expect(ContinuousClock.now - start < .seconds(5))
        }
    }
}
#endif
