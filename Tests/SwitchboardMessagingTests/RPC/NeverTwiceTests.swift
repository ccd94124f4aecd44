import SwitchboardCore
import SwitchboardInProcess
import SwitchboardTesting
import Testing

@testable import SwitchboardMessaging

@Suite("Requests that must never be executed twice", .timeLimit(.minutes(5)))
struct NeverTwiceTests {
    /// A server's handling, what it executed, and a mailbox for what it answers.
    private struct Bench: Sendable {
        let connection: MessageQueueConnection
        let handling: RPCRequestHandling
        let count = Locked(0)
        let mailbox = Mailbox(named: "reply_x")

        init(_ configuration: RPCServerConfiguration = RPCServerConfiguration()) throws {
            connection = try makeConnection(network: InProcessNetwork())
            var router = RPCRouter()
            router.register("count") { [count] _, _ in
                .integer(
                    Int64(
                        count.withLock {
                            $0 += 1; return $0
                        }))
            }
            handling = RPCRequestHandling(
                connection: connection, topic: Topic("t"), server: "s", router: router, configuration: configuration,
                logger: quietLogger)
        }

        func message(_ id: String = "1") -> Message {
            OsloRequest(
                method: "count", messageID: .string(id), replyQueue: mailbox.name, uniqueID: id, neverTwice: true
            ).message()
        }

        var executed: Int { count.withLock { $0 } }

        /// Has `body` handle deliveries; returns the replies.
        func replies(
            _ expected: Int, _ body: @escaping @Sendable (RPCRequestHandling) async -> Void
        ) async throws -> [OsloReply] {
            try await withRunning(connection) {
                try await connection.transport.withSubscription(to: .mailbox(mailbox)) { deliveries in
                    await body(handling)
                    var replies: [OsloReply] = []
                    var iterator = deliveries.makeAsyncIterator()
                    while replies.count < expected, let delivery = try await iterator.next() {
                        replies.append(try OsloReply(delivery.message))
                    }
                    return replies
                }
            }
        }
    }

    private static let modes: [RPCServerConfiguration.Acknowledgement] = [.atMostOnce, .atLeastOnce]

    private func configuration(_ mode: RPCServerConfiguration.Acknowledgement) -> RPCServerConfiguration {
        var configuration = RPCServerConfiguration()
        configuration.acknowledgement = mode
        return configuration
    }

    @Test("One is begun when the queue has forgotten it for certain, and not before", arguments: modes)
    func certain(_ mode: RPCServerConfiguration.Acknowledgement) async throws {
        let bench = try Bench(configuration(mode))
        let replies = try await bench.replies(1) { handling in
            let (asked, source) = AsyncStream.makeStream(of: (@Sendable (TransportError?) -> Void).self)
            let delivery = Delivery(bench.message()) { settlement, whenKnown throws(TransportError) in
                #expect(settlement == .accept)
                if let whenKnown { source.yield(whenKnown) } else { Issue.record("It was not asked for certainty.") }
            }
            async let handled: Void = handling.handle(delivery)
            for await whenKnown in asked {
                #expect(bench.executed == 0)
                whenKnown(nil)
                break
            }
            await handled
        }
        #expect(bench.executed == 1)
        #expect(replies.first?.result == 1)
    }

    @Test("One whose acceptance is in doubt is not begun, its caller is told, and it is begun when it comes again")
    func doubt() async throws {
        let bench = try Bench()
        let replies = try await bench.replies(2) { handling in
            await handling.handle(
                Delivery(bench.message()) { _, whenKnown throws(TransportError) in
                    whenKnown?(TransportError(.indeterminate, "The connection was lost."))
                })
            #expect(bench.executed == 0)
            await handling.handle(
                Delivery(bench.message(), isRedelivered: true) { _, whenKnown throws(TransportError) in whenKnown?(nil)
                })
        }
        #expect(bench.executed == 1)
        #expect(replies.first?.failure.map { RPCError($0).code } == .indeterminate)
        #expect(replies.last?.result == 1)
    }

    @Test("One that was certainly not accepted waits for its next delivery, and nobody is told")
    func refused() async throws {
        let bench = try Bench()
        let replies = try await bench.replies(1) { handling in
            await handling.handle(
                Delivery(bench.message()) { _, _ throws(TransportError) in
                    throw TransportError(.closed, "The connection is gone.")
                })
            #expect(bench.executed == 0)
            await handling.handle(Delivery(message: bench.message()) { _ throws(TransportError) in })
        }
        #expect(replies.first?.result == 1)
        #expect(bench.executed == 1)
    }

    @Test("Where other servers may have begun it, one that comes again is not executed, and its caller is told")
    func mixedServers() async throws {
        var configuration = RPCServerConfiguration()
        configuration.executesRedelivered = false
        let bench = try Bench(configuration)
        let settlements = Locked<[Settlement]>([])
        let replies = try await bench.replies(1) { handling in
            await handling.handle(
                Delivery(message: bench.message(), isRedelivered: true) { settlement throws(TransportError) in
                    settlements.withLock { $0.append(settlement) }
                })
        }
        #expect(bench.executed == 0)
        #expect(settlements.withLock { $0 } == [.accept])
        #expect(replies.first?.failure.map { RPCError($0).code } == .indeterminate)
    }

    @Test("The mark is a key that oslo.messaging's servers do not look at, and is there only when wanted")
    func wire() throws {
        let plain = OsloRequest(method: "x", uniqueID: "1")
        let marked = OsloRequest(method: "x", uniqueID: "1", neverTwice: true)
        #expect(try OsloEnvelope.open(plain.message())["switchboard_never_twice"] == nil)
        #expect(try OsloEnvelope.open(marked.message())["switchboard_never_twice"] == true)
        #expect(try OsloRequest(marked.message()) == marked)
        #expect(try OsloRequest(plain.message()) == plain)
        // No value but true is one: who sends something else does not know the key.
        for value: JSONValue in [1, "true", nil, false, []] {
            let message = OsloEnvelope.seal { writer in
                var isFirst = true
                writer.key(OsloRequest.neverTwiceKey, isFirst: &isFirst)
                writer.write(value)
            }
            #expect(try !OsloRequest(message).neverTwice)
        }
    }

    @Test("Such a request is published without leave to send it twice; the others with it")
    func publishing() async throws {
        let network = InProcessNetwork()
        let url = try TransportURL("fake://x")
        // Which publishes may be repeated.
        let published = Locked<[Bool]>([])
        let driver = InterceptedDriver(try InProcessDriver(url, network: network)) { hooks in
            hooks.publish = { publish, connection in
                published.withLock { $0.append(publish.allowsDuplicates) }
                connection.publish(publish)
            }
        }
        let connection = MessageQueueConnection(
            Transport(driver: driver, url: url, logger: quietLogger), logger: quietLogger)
        var router = RPCRouter()
        router.registerPing()
        router.register("x") { _, _ in nil }
        let server = RPCServer(
            try makeConnection("x", network: network), topic: Topic("t"), name: "s", router: router,
            logger: quietLogger)
        var client = RPCClient(connection, target: RPCTarget(topic: "t"))
        client.neverTwice = true
        try await withRunning(connection, server.connection, server) { [client] in
            var plain = client
            plain.neverTwice = false
            try await server.waitUntilServing()
            published.withLock { $0 = [] }
            for client in [client, plain] {
                _ = try await client.call("x", context: .admin())
                try await client.cast("x", context: .admin())
                try await client.fanout("x", context: .admin())
            }
        }
        #expect(published.withLock { $0 } == [false, false, false, true, true, true])
    }
}
