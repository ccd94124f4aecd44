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
}
