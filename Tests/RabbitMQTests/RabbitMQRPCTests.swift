#if RabbitMQ
import Logging
import ServiceLifecycle
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardRabbitMQ
import SwitchboardTesting
import Testing

let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

func makeConnection(_ url: TransportURL, name: String = "own") throws -> MessageQueueConnection {
    try MessageQueueConnection(url, drivers: DriverRegistry(.rabbitMQ()), name: name, logger: quietLogger)
}

/// Whether this task runs on `executor`.
private func isOn(_ executor: any TaskExecutor) -> Bool {
    withUnsafeCurrentTask { $0?.unownedTaskExecutor == executor.asUnownedTaskExecutor() }
}

@Suite("RPC over RabbitMQ", .timeLimit(.minutes(2)))
struct RabbitMQRPCTests {
    private static func echoRouter() -> RPCRouter {
        var router = RPCRouter()
        router.registerPing()
        router.register("echo") { arguments, _ in arguments["body"] ?? .null }
        return router
    }

    /// - Parameter options: of the client's URL.
    private func withEcho(
        _ options: [TransportURL.Option] = [], _ body: @escaping @Sendable (RPCClient) async throws -> Void
    ) async throws {
        let broker = try await TestBroker.shared()
        try await broker.withVirtualHost { name in
            var url = broker.url(virtualHost: name)
            url.options += options
            let connection = try makeConnection(url)
            let serverConnection = try makeConnection(broker.url(virtualHost: name))
            let server = RPCServer(
                serverConnection, topic: Topic("echo"), name: "host1", router: Self.echoRouter(),
                logger: quietLogger)
            let client = RPCClient(connection, target: RPCTarget(topic: "echo"), timeout: .seconds(20))
            try await withRunning(connection, serverConnection, server) {
                try await server.waitUntilServing()
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

    /// Runs `body` with a connection of its own, and the executor that runs tasks on its thread.
    private func withConnectionInPlace(
        _ body: @escaping @Sendable (MessageQueueConnection, any TaskExecutor) async throws -> Void
    ) async throws {
        let broker = try await TestBroker.shared()
        try await broker.withVirtualHost { name in
            let connection = try makeConnection(broker.url(virtualHost: name))
            let executor = try #require(connection.transport.taskExecutor)
            try await withRunning(connection) { try await body(connection, executor) }
        }
    }

    @Test("In place, handlers and callers are on the connection's thread, and deadlines and cancellation hold too")
    func inPlace() async throws {
        try await withConnectionInPlace { connection, executor in
            let (beginnings, begun) = AsyncStream.makeStream(of: Void.self)
            var router = Self.echoRouter()
            router.register("isInPlace") { _, _ in .bool(isOn(executor)) }
            router.register("never") { _, _ in
                begun.yield()
                try await Task.sleep(for: .seconds(60))
                return .null
            }
            var configuration = RPCServerConfiguration()
            configuration.executor = executor
            let server = RPCServer(
                connection, topic: Topic("echo"), name: "host1", router: router, configuration: configuration,
                logger: quietLogger)
            try await withRunning(server) {
                let client = RPCClient(connection, target: RPCTarget(topic: "echo"), timeout: .seconds(20))
                try await server.waitUntilServing()
                try await withTaskExecutorPreference(executor) {
                    let answer = try await client.call("isInPlace", context: RequestContext())
                    #expect(answer == .bool(true))
                    #expect(isOn(executor))
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for number in 0..<300 {
                            group.addTask {
                                let body = JSONValue.integer(Int64(number))
                                let reply = try await client.call("echo", ["body": body], context: RequestContext())
                                #expect(reply == body)
                            }
                        }
                        try await group.waitForAll()
                    }
                    var beginning = beginnings.makeAsyncIterator()
                    let late = await #expect(throws: RPCError.self) {
                        try await client.call("never", context: RequestContext(), timeout: .seconds(1))
                    }
                    #expect(late?.code == .timeout)
                    await beginning.next()
                    let call = Task(executorPreference: executor) {
                        try await client.call("never", context: RequestContext())
                    }
                    await beginning.next()
                    call.cancel()
                    await #expect(throws: CancellationError.self) { try await call.value }
                }
            }
        }
    }

    @Test("In place, a listener's handlers are on the connection's thread")
    func listenerInPlace() async throws {
        try await withConnectionInPlace { connection, executor in
            let (places, source) = AsyncStream.makeStream(of: Bool.self)
            var router = NotificationRouter()
            router.handle([.info]) { _ in source.yield(isOn(executor)) }
            var configuration = NotificationListenerConfiguration()
            configuration.executor = executor
            let listener = NotificationListener(
                connection, router: router, configuration: configuration, logger: quietLogger)
            let notifier = Notifier(
                publisherID: "test", drivers: [.messagingV2(connection, topics: [Topic("notifications")])],
                logger: quietLogger)
            try await withRunning(listener) {
                try await listener.waitUntilListening()
                for _ in 0..<3 { try await notifier.send(.info, "test", .null, context: RequestContext()) }
                let found = await places.prefix(3).reduce(into: []) { $0.append($1) }
                #expect(found == [true, true, true])
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
            try await server.waitUntilServing()
            #expect(try await client.call("echo", ["body": 1], context: RequestContext()) == 1)
            return try await broker.queues(in: name).map(\.name).filter { $0.hasPrefix("reply_") }
        }
    }

    @Test("Direct requests reach the topic and the server, and those that reach nobody say where they went")
    func directRequests() async throws {
        try await withEcho([.init("rabbit_direct_requests", "true")]) { client in
            for server in [nil, "host1"] {
                let reply = try await client.call("echo", ["body": 1], to: server, context: .plain())
                #expect(reply == 1)
            }
            let error = await #expect(throws: RPCError.self) {
                try await client.cast("echo", to: "host2", context: .plain())
            }
            #expect(error?.code == .unroutable)
            #expect(error?.message.contains("the default exchange, routing key echo.host2") == true)
        }
    }

    @Test("A call to nobody fails in one round trip")
    func nobody() async throws {
        try await withEcho { client in
            var client = client
            client.target = RPCTarget(topic: "nobody")
            client.timeout = .seconds(300)
            let start = ContinuousClock.now
            let error = await #expect(throws: RPCError.self) {
                try await client.call("x", context: RequestContext())
            }
            #expect(error?.code == .unroutable)
            #expect(ContinuousClock.now - start < .seconds(60))
        }
    }
}
#endif
