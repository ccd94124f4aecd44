import Logging
import MetricsTestKit
import SwitchboardCore
import SwitchboardInProcess
import Testing

@testable import SwitchboardMessaging

@Suite("What a server does with its requests", .timeLimit(.minutes(1)))
struct ServerTests {
    struct NoMoney: Error {}

    private func request(_ method: String, id: String? = nil) -> Message {
        OsloRequest(method: method, uniqueID: id ?? UniqueID.make()).message()
    }

    @Test("Errors that are expected are logged for debugging only, others as errors")
    func expectedErrors() async throws {
        let lines = Locked<[String]>([])
        let connection = try makeConnection(network: InProcessNetwork())
        var router = RPCRouter()
        router.register("expected", expecting: [NoMoney.self]) { _, _ in throw NoMoney() }
        router.register("visible") { _, _ in throw RemoteError(className: "Nope", message: "no") }
        router.register("unexpected") { _, _ in throw NoMoney() }
        let handling = RPCRequestHandling(
            connection: connection, topic: Topic("t"), server: "s", router: router,
            configuration: RPCServerConfiguration(), logger: Logger(label: "t") { _ in LineCollector(lines: lines) })
        for (method, level) in [("expected", "debug"), ("visible", "debug"), ("unexpected", "error")] {
            lines.withLock { $0 = [] }
            await handling.handle(Delivery(message: request(method)) { _ throws(TransportError) in })
            let line = try #require(lines.withLock { $0.first { $0.contains("Request failed") } })
            #expect(line.hasPrefix(level), "\(line)")
            #expect(!line.contains("\n"))
        }
    }

    @Test("A request that comes again is done once, until it went back to the queue", arguments: [1, 16, 100])
    func duplicates(between: Int) async throws {
        let count = Locked(0)
        let metrics = TestMetrics()
        let connection = try makeConnection(network: InProcessNetwork(), telemetry: Telemetry(metrics: metrics))
        var router = RPCRouter()
        router.register("count") { _, _ in
            count.withLock { $0 += 1 }
            return nil
        }
        router.register("other") { _, _ in nil }
        let handling = RPCRequestHandling(
            connection: connection, topic: Topic("t"), server: "s", router: router,
            configuration: RPCServerConfiguration(), logger: quietLogger)
        let settlements = Locked<[Settlement]>([])
        func deliver(_ message: Message) async {
            await handling.handle(
                Delivery(message: message) { settlement throws(TransportError) in
                    settlements.withLock { $0.append(settlement) }
                })
        }
        let message = request("count")
        await deliver(message)
        for _ in 0..<between { await deliver(request("other")) }
        await deliver(message)
        #expect(count.withLock { $0 } == 1)
        #expect(settlements.withLock { $0.allSatisfy { $0 == .accept } && $0.count == between + 2 })
        #expect(
            try metrics.expectCounter("switchboard.server.duplicates", [("messaging.system", "fake")]).totalValue == 1)
    }

    @Test("A request whose acceptance failed comes again and is done then")
    func failedAcceptance() async throws {
        let count = Locked(0)
        var router = RPCRouter()
        router.register("count") { _, _ in
            count.withLock { $0 += 1 }
            return nil
        }
        let handling = RPCRequestHandling(
            connection: try makeConnection(network: InProcessNetwork()), topic: Topic("t"), server: "s", router: router,
            configuration: RPCServerConfiguration(), logger: quietLogger)
        let message = request("count")
        await handling.handle(
            Delivery(message: message) { _ throws(TransportError) in throw TransportError(.unavailable, "Not now.") })
        #expect(count.withLock { $0 } == 0)
        await handling.handle(Delivery(message: message) { _ throws(TransportError) in })
        #expect(count.withLock { $0 } == 1)
    }

    @Test("A handler that throws a CancellationError of its own is answered, as its caller waits")
    func ownCancellation() async throws {
        let network = InProcessNetwork()
        let connection = try makeConnection(network: network)
        var router = RPCRouter()
        router.registerPing()
        router.register("x") { _, _ in throw CancellationError() }
        let server = RPCServer(
            try makeConnection(network: network), topic: Topic("t"), name: "s", router: router, logger: quietLogger)
        let client = RPCClient(connection, target: RPCTarget(topic: "t"), timeout: .seconds(20))
        let serverConnection = server.connection
        try await withRunning(connection, serverConnection) {
            let serving = Task { try await server.run() }
            try await waitForServer(client)
            let error = await #expect(throws: RPCError.self) { try await client.call("x", context: .admin()) }
            #expect(error?.code == .remote)
            serving.cancel()
            try await serving.value
        }
    }

    @Test("At least once, a copy that comes while the first is at work shares its fate", arguments: [true, false])
    func copies(isCancelled: Bool) async throws {
        let settlements = Locked<[String]>([])
        let (begun, begunSource) = AsyncStream.makeStream(of: Void.self)
        let (gate, gateSource) = AsyncStream.makeStream(of: Void.self)
        var router = RPCRouter()
        router.register("work") { _, _ in
            begunSource.yield()
            for await _ in gate { break }
            return nil
        }
        var configuration = RPCServerConfiguration()
        configuration.acknowledgement = .atLeastOnce
        let handling = RPCRequestHandling(
            connection: try makeConnection(network: InProcessNetwork()), topic: Topic("t"), server: "s", router: router,
            configuration: configuration, logger: quietLogger)
        let message = request("work", id: "one and the same")
        func delivery(_ name: String) -> Delivery {
            Delivery(message: message) { settlement throws(TransportError) in
                settlements.withLock { $0.append("\(name) \(settlement)") }
            }
        }
        let first = delivery("first")
        let work = Task { await handling.handle(first) }
        for await _ in begun { break }
        await handling.handle(delivery("copy"))
        // Accepted now, it would be lost if this process died.
        #expect(settlements.withLock { $0 } == [])
        if isCancelled { work.cancel() } else { gateSource.yield() }
        await work.value
        let settlement = isCancelled ? "requeue" : "accept"
        #expect(settlements.withLock { $0.sorted() } == ["copy \(settlement)", "first \(settlement)"])
        if !isCancelled {
            await handling.handle(delivery("late"))
            #expect(settlements.withLock { $0.last } == "late accept")
        }
    }

    @Test("At least once, a request is settled behind its reply, and goes back when the server is cancelled")
    func atLeastOnce() async throws {
        let connection = try makeConnection(network: InProcessNetwork())
        let events = Locked<[String]>([])
        var router = RPCRouter()
        router.register("work") { _, _ in
            events.withLock { $0.append("handled") }
            return nil
        }
        let (begun, begunSource) = AsyncStream.makeStream(of: Void.self)
        router.register("hang") { _, _ in
            begunSource.yield()
            try await Task.sleep(for: .seconds(3600))
            return nil
        }
        var configuration = RPCServerConfiguration()
        configuration.acknowledgement = .atLeastOnce
        let handling = RPCRequestHandling(
            connection: connection, topic: Topic("t"), server: "s", router: router, configuration: configuration,
            logger: quietLogger)
        func delivery(_ method: String) -> Delivery {
            Delivery(message: request(method, id: "one and the same \(method)")) { settlement throws(TransportError) in
                events.withLock { $0.append("\(settlement)") }
            }
        }
        await handling.handle(delivery("work"))
        #expect(events.withLock { $0 } == ["handled", "accept"])
        for _ in 0..<2 {
            // The second is no duplicate: the first went back.
            events.withLock { $0 = [] }
            let hanging = delivery("hang")
            let work = Task { await handling.handle(hanging) }
            for await _ in begun { break }
            work.cancel()
            await work.value
            #expect(events.withLock { $0 } == ["requeue"])
        }
    }

    @Test("A reply whose mailbox is gone is dropped after its time, with one line, and later ones at once")
    func droppedReplies() async throws {
        let lines = Locked<[String]>([])
        let metrics = TestMetrics()
        let connection = try makeConnection(network: InProcessNetwork(), telemetry: Telemetry(metrics: metrics))
        var router = RPCRouter()
        router.register("x") { _, _ in nil }
        var configuration = RPCServerConfiguration()
        configuration.replyRetryDuration = .milliseconds(300)
        let handling = RPCRequestHandling(
            connection: connection, topic: Topic("t"), server: "s", router: router, configuration: configuration,
            logger: Logger(label: "t") { _ in LineCollector(lines: lines) })
        try await withRunning(connection) {
            for number in 0..<3 {
                let request = OsloRequest(method: "x", messageID: .integer(Int64(number)), replyQueue: "reply_gone")
                await handling.handle(Delivery(message: request.message()) { _ throws(TransportError) in })
            }
        }
        #expect(lines.withLock { $0.count { $0.hasPrefix("warning") } } == 1)
        #expect(
            try metrics.expectCounter("switchboard.server.replies.dropped", [("messaging.system", "fake")]).totalValue
                == 3)
    }

    @Test(
        "Replies to a gone mailbox keep no place, in both ways to acknowledge",
        arguments: [
            RPCServerConfiguration.Acknowledgement.atMostOnce, .atLeastOnce,
        ])
    func goneCaller(_ acknowledgement: RPCServerConfiguration.Acknowledgement) async throws {
        let network = InProcessNetwork()
        let connection = try makeConnection(network: network)
        var router = RPCRouter()
        router.registerPing()
        router.register("x") { _, _ in nil }
        var configuration = RPCServerConfiguration()
        configuration.maximumConcurrency = 1
        configuration.acknowledgement = acknowledgement
        configuration.replyRetryDuration = .seconds(20)
        let server = RPCServer(
            try makeConnection(network: network), topic: Topic("t"), name: "s", router: router,
            configuration: configuration, logger: quietLogger)
        let client = RPCClient(connection, target: RPCTarget(topic: "t"), timeout: .seconds(10))
        let serverConnection = server.connection
        try await withRunning(connection, serverConnection) {
            let serving = Task { try await server.run() }
            try await waitForServer(client)
            let begin = ContinuousClock.now
            for number in Int64(0)..<5 {
                let request = OsloRequest(method: "x", messageID: .integer(number), replyQueue: "reply_gone")
                try await connection.transport.publish(
                    request.message(), to: .topic(Topic("t")), deadline: .now + .seconds(5))
            }
            _ = try await client.call("x", context: .admin())
            #expect(begin.duration(to: .now) < .seconds(5))
            serving.cancel()
            try await serving.value
        }
    }

    @Test("A mailbox that comes back gets the reply, within the time for it and after it")
    func mailboxComesBack() async throws {
        let network = InProcessNetwork()
        let connection = try makeConnection(network: network)
        var router = RPCRouter()
        router.register("x") { _, _ in nil }
        var configuration = RPCServerConfiguration()
        configuration.replyRetryDuration = .milliseconds(600)
        let handling = RPCRequestHandling(
            connection: connection, topic: Topic("t"), server: "s", router: router, configuration: configuration,
            logger: quietLogger)
        @Sendable func delivery() -> Delivery {
            let request = OsloRequest(method: "x", messageID: .string("1"), replyQueue: "reply_late")
            return Delivery(message: request.message()) { _ throws(TransportError) in }
        }
        try await withRunning(connection) {
            let first = delivery()
            async let handled: Void = handling.handle(first)
            try await Task.sleep(for: .milliseconds(100))
            try await connection.transport.withSubscription(to: .mailbox(Mailbox(named: "reply_late"))) { replies in
                var iterator = replies.makeAsyncIterator()
                let reply = try #require(try await iterator.next())
                try await reply.accept()
            }
            await handled
            // It is gone for longer than a reply is tried, and known to be.
            await handling.handle(delivery())
            try await connection.transport.withSubscription(to: .mailbox(Mailbox(named: "reply_late"))) { replies in
                await handling.handle(delivery())
                var iterator = replies.makeAsyncIterator()
                let reply = try #require(try await iterator.next())
                try await reply.accept()
            }
        }
    }

    @Test("A shutdown lets what runs finish and answer, gives the rest back, and reports both")
    func drain() async throws {
        let network = InProcessNetwork()
        let connection = try makeConnection(network: network)
        let (begun, begunSource) = AsyncStream.makeStream(of: Void.self)
        let (gate, gateSource) = AsyncStream.makeStream(of: Void.self)
        var router = RPCRouter()
        router.registerPing()
        router.register("work") { _, _ in
            begunSource.yield()
            for await _ in gate { break }
            return "done"
        }
        var configuration = RPCServerConfiguration()
        configuration.maximumConcurrency = 1
        let server = RPCServer(
            try makeConnection(network: network), topic: Topic("t"), name: "s", router: router,
            configuration: configuration, logger: quietLogger)
        let serverConnection = server.connection
        let client = RPCClient(connection, target: RPCTarget(topic: "t"), timeout: .seconds(30))
        try await withRunning(connection, serverConnection) {
            #expect(server.drainReport == nil)
            let serving = GracefulShutdownTrigger()
            async let served: Void = serving.run(server)
            try await waitForServer(client)
            async let first = client.call("work", context: .admin())
            for await _ in begun { break }
            // Waits behind the first, in the queue or in the server's hands.
            try await client.cast("work", context: .admin())
            serving.trigger()
            while !server.isDraining { await Task.yield() }
            gateSource.yield()
            #expect(try await first == "done")
            try await served
            let report = try #require(server.drainReport)
            #expect(report.finished == 1)
            #expect(report.requeued <= 1)
            #expect("\(RPCDrainReport(finished: 12, requeued: 3))" == "12 finished, 3 requeued")
            // What was not begun is in the queue for the next server.
            let (taken, takenSource) = AsyncStream.makeStream(of: String.self)
            try await connection.transport.withSubscription(to: .topic(Topic("t"))) { deliveries in
                for try await delivery in deliveries {
                    takenSource.yield(try OsloRequest(delivery.message).method)
                    try await delivery.accept()
                    break
                }
            }
            var iterator = taken.makeAsyncIterator()
            #expect(await iterator.next() == "work")
        }
    }
}
