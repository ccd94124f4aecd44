#if RabbitMQ
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardRabbitMQ
import SwitchboardTesting
import Testing

/// What a person meets when something is wrong: a clear error within the deadline, and no password in it.
@Suite("RabbitMQ: what goes wrong", .timeLimit(.minutes(5)))
struct RabbitMQFailureTests {
    private static let password = "c4nary-pa55"

    /// The error of a call through `url`, and how long it took.
    private func failure(
        of url: TransportURL, timeout: Duration = .seconds(300)
    ) async throws -> (error: RPCError, duration: Duration) {
        let connection = try makeConnection(url)
        let client = RPCClient(connection, target: RPCTarget(topic: "t"), timeout: timeout)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try? await connection.run() }
            defer { group.cancelAll() }
            let start = ContinuousClock.now
            let error = await #expect(throws: RPCError.self) {
                try await client.call("x", context: RequestContext())
            }
            let found = try #require(error)
            #expect(!"\(found)".contains(Self.password))
            return (found, ContinuousClock.now - start)
        }
    }

    @Test("A wrong password is refused at once, and named as such without showing it")
    func wrongPassword() async throws {
        let broker = try await TestBroker.shared()
        try await broker.withVirtualHost { name in
            let url = broker.url(virtualHost: name, password: Secret(Self.password))
            let (error, duration) = try await failure(of: url)
            #expect(error.code == .refused)
            #expect(error.message.contains("password"))
            #expect(duration < .seconds(60))
        }
    }

    @Test("A host that refuses its login is passed over for one that has another; all refused are the end")
    func otherLogins() async throws {
        let broker = try await TestBroker.shared()
        try await broker.withVirtualHost { name in
            var url = broker.url(virtualHost: name)
            var refused = url.hosts[0]
            refused.password = Secret(Self.password)
            url.hosts.append(refused)
            // Both orders.
            for _ in 0..<6 {
                let connection = try makeConnection(url)
                try await withRunning(connection) { _ = try await connection.roundTrip() }
            }
            url.hosts[0].password = Secret(Self.password + "-too")
            let (error, duration) = try await failure(of: url)
            #expect(error.code == .refused)
            #expect(duration < .seconds(60))
        }
    }

    @Test("A virtual host that does not exist is refused at once, with its name")
    func missingVirtualHost() async throws {
        let broker = try await TestBroker.shared()
        let (error, duration) = try await failure(of: broker.url(virtualHost: "no-such-host"))
        #expect(error.code == .refused)
        #expect(error.message.contains("no-such-host"))
        #expect(duration < .seconds(60))
    }

    @Test("Where nothing listens, a call fails at its deadline with the reason")
    func nothingListens() async throws {
        let port = try LoopbackPort.free(1)[0]
        let url = try TransportURL("rabbit://guest:\(Self.password)@127.0.0.1:\(port)/x")
        let (error, duration) = try await failure(of: url, timeout: .seconds(1))
        #expect(error.code == .unavailable)
        #expect(error.message.contains("127.0.0.1:\(port)"))
        #expect(duration < .seconds(60))
    }

    @Test("A broker that is stopped in mid-login does not keep a call beyond its deadline")
    func stalledBroker() async throws {
        try await TestBroker.withBroker { broker in
            try await broker.addVirtualHost("x")
            broker.pause()
            let (error, duration) = try await failure(of: broker.url(virtualHost: "x"), timeout: .seconds(1))
            broker.resume()
            #expect(error.code == .unavailable)
            #expect(duration < .seconds(60))
        }
    }

    @Test("A queue that was declared otherwise is a conflict that names the option")
    func conflict() async throws {
        let broker = try await TestBroker.shared()
        try await broker.withVirtualHost { name in
            let first = try makeConnection(broker.url(virtualHost: name))
            var url = broker.url(virtualHost: name)
            url.options = [.init("amqp_durable_queues", "true")]
            let second = try makeConnection(url)
            try await withRunning(first, second) {
                try await first.transport.withSubscription(to: .topic(Topic("t"))) { _ in
                    let error = await #expect(throws: TransportError.self) {
                        try await second.transport.withSubscription(to: .topic(Topic("t"))) { _ in }
                    }
                    #expect(error?.code == .conflict)
                    #expect(error?.message.contains("amqp_durable_queues") == true)
                }
            }
        }
    }

    @Test("An unknown option of the URL is an error that names the near one")
    func unknownOption() throws {
        let url = try TransportURL("rabbit://h/?rabbit_quorum_queues=true")
        let error = #expect(throws: TransportError.self) { try makeConnection(url) }
        #expect(error?.code == .invalidOption)
        #expect(error?.message.contains("rabbit_quorum_queue?") == true)
    }
}

@Suite("RabbitMQ: losing the connection", .timeLimit(.minutes(2)))
struct RabbitMQRecoveryTests {
    @Test("Subscriptions and calls go on after every connection was cut")
    func cut() async throws {
        let broker = try await TestBroker.shared()
        try await broker.withVirtualHost { name in
            let connection = try makeConnection(broker.url(virtualHost: name))
            let serverConnection = try makeConnection(broker.url(virtualHost: name))
            var router = RPCRouter()
            router.registerPing()
            router.register("echo") { arguments, _ in arguments["body"] ?? .null }
            let server = RPCServer(
                serverConnection, topic: Topic("echo"), name: "host1", router: router, logger: quietLogger)
            let client = RPCClient(connection, target: RPCTarget(topic: "echo"), timeout: .seconds(20))
            try await withRunning(connection, serverConnection, server) {
                try await server.waitUntilServing()
                for round in 0..<3 {
                    try await broker.cutConnections(in: name)
                    let reply = try await client.call(
                        "echo", ["body": .integer(Int64(round))], context: RequestContext())
                    #expect(reply == .integer(Int64(round)))
                }
            }
        }
    }

    @Test("No cast that was awaited is missing after many cuts, and each is executed once")
    func casts() async throws {
        let broker = try await TestBroker.shared()
        try await broker.withVirtualHost { name in
            let connection = try makeConnection(broker.url(virtualHost: name))
            let serverConnection = try makeConnection(broker.url(virtualHost: name))
            let seen = Locked<[Int64: Int]>([:])
            var router = RPCRouter()
            router.registerPing()
            router.register("note") { arguments, _ in
                if let number = arguments["number"]?.integer { seen.withLock { $0[number, default: 0] += 1 } }
                return .null
            }
            let server = RPCServer(
                serverConnection, topic: Topic("notes"), name: "host1", router: router, logger: quietLogger)
            let client = RPCClient(connection, target: RPCTarget(topic: "notes"), timeout: .seconds(30))
            try await withRunning(connection, serverConnection, server) {
                try await server.waitUntilServing()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        while !Task.isCancelled {
                            try? await Task.sleep(for: .milliseconds(200))
                            try? await broker.cutConnections(in: name)
                        }
                    }
                    let workers = 20
                    try await withThrowingTaskGroup(of: Void.self) { casters in
                        for worker in 0..<workers {
                            casters.addTask {
                                for index in 0..<100 {
                                    try await client.cast(
                                        "note", ["number": .integer(Int64(worker * 100 + index))],
                                        context: RequestContext())
                                }
                            }
                        }
                        try await casters.waitForAll()
                    }
                    group.cancelAll()
                }
                let end = ContinuousClock.now + .seconds(60)
                while seen.withLock({ $0.count }) < 2000, .now < end {
                    try await Task.sleep(for: .milliseconds(20))
                }
                #expect(seen.withLock { $0.count } == 2000)
                #expect(seen.withLock { $0.values.allSatisfy { $0 == 1 } })
            }
        }
    }
}
#endif
