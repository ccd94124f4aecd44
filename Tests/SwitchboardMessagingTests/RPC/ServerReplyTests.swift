import Logging
import MetricsTestKit
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardTesting
import Testing

@testable import SwitchboardMessaging

@Suite("A server's replies to callers that are gone", .timeLimit(.minutes(5)))
struct ServerReplyTests {
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
        configuration.replyRetryDuration = .seconds(600)
        let server = RPCServer(
            try makeConnection(network: network), topic: Topic("t"), name: "s", router: router,
            configuration: configuration, logger: quietLogger)
        let client = RPCClient(connection, target: RPCTarget(topic: "t"), timeout: .seconds(60))
        let serverConnection = server.connection
        try await withRunning(connection, serverConnection) {
            let serving = Task { try await server.run() }
            try await server.waitUntilServing()
            for number in Int64(0)..<5 {
                let request = OsloRequest(method: "x", messageID: .integer(number), replyQueue: "reply_gone")
                try await connection.transport.publish(
                    request.message(), to: .topic(Topic("t")), deadline: .now + .seconds(60))
            }
            // It has its turn behind them, long before the time for one reply is over.
            _ = try await client.call("x", context: .admin())
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
        configuration.replyRetryDuration = .seconds(3)
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

    @Test(
        "A reply that was lost with its connection goes again until its mailbox is back, in both ways to acknowledge",
        arguments: [RPCServerConfiguration.Acknowledgement.atMostOnce, .atLeastOnce])
    func lostWithConnection(_ acknowledgement: RPCServerConfiguration.Acknowledgement) async throws {
        let mailbox = Mailbox(named: "reply_away")
        let sizes = Locked<[Int]>([])
        let (tries, tried) = AsyncStream.makeStream(of: Void.self)
        let connection = try makeIntercepted { publish, below in
            defer { tried.yield() }
            let number = sizes.withLock { sizes in
                sizes.append(publish.message.body.count)
                return sizes.count
            }
            guard number == 1 else { return below.publish(publish) }
            publish.finish(.again(wasSent: true, otherwise: TransportError(.indeterminate, "The connection was lost.")))
        }
        var router = RPCRouter()
        router.register("x") { _, _ in "the result" }
        var configuration = RPCServerConfiguration()
        configuration.acknowledgement = acknowledgement
        let handling = RPCRequestHandling(
            connection: connection, topic: Topic("t"), server: "s", router: router, configuration: configuration,
            logger: quietLogger)
        try await withRunning(connection) {
            let request = OsloRequest(method: "x", messageID: .string("1"), replyQueue: mailbox.name)
            let delivery = Delivery(message: request.message()) { _ throws(TransportError) in }
            async let handled: Void = handling.handle(delivery)
            // The second is returned, as nothing has the mailbox.
            for await _ in tries.prefix(2) {}
            try await connection.transport.withSubscription(to: .mailbox(mailbox)) { replies in
                var iterator = replies.makeAsyncIterator()
                let delivery = try #require(try await iterator.next())
                try await delivery.accept()
                let reply = try OsloReply(delivery.message)
                #expect(reply.failure == nil)
                #expect(reply.result == "the result")
            }
            await handled
        }
        #expect(Set(sizes.withLock { $0 }).count == 1, "Another reply went in its place.")
    }

    @Test("Keepalives go on after one that cannot be sent")
    func keepalives() async throws {
        let (tries, tried) = AsyncStream.makeStream(of: Void.self)
        let connection = try makeIntercepted { publish, _ in
            publish.finish(.failed(TransportError(.unroutable, "Gone.")))
            tried.yield()
        }
        let sender = RPCReplySender(
            transport: connection.transport, retryDuration: .seconds(1),
            metrics: connection.metrics, logger: quietLogger)
        try await withRunning(connection) {
            let request = OsloRequest(method: "x", messageID: .string("1"), replyQueue: "reply_away")
            let destination = try #require(RPCReply.Destination(request))
            try await sender.keepingAlive(destination, every: .milliseconds(10)) {
                for await _ in tries.prefix(3) {}
            }
        }
    }

    /// A connection to an in-process world of its own, whose messages to mailboxes are published by `publish`.
    private func makeIntercepted(
        _ publish: @escaping @Sendable (Publish, any DriverConnection) -> Void
    ) throws -> MessageQueueConnection {
        let url = try TransportURL("fake://x")
        let driver = InterceptedDriver(try InProcessDriver(url, network: InProcessNetwork())) { hooks in
            hooks.publish = publish
        }
        return MessageQueueConnection(
            Transport(driver: driver, url: url, logger: quietLogger), logger: quietLogger)
    }
}
