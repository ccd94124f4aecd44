import SwitchboardCore
import SwitchboardInProcess
import SwitchboardTesting
import Testing

@testable import SwitchboardMessaging

@Suite("Deadlines and cancellation across the wire", .timeLimit(.minutes(5)))
struct CancellationTests {
    /// What a handler says, one after another.
    private struct Events: Sendable {
        let stream: AsyncStream<String>

        func next() async -> String? {
            for await event in stream { return event }
            return nil
        }
    }

    /// A server whose handler lasts until it is cancelled, and says when it begins and how it ended.
    private func withHanging(
        _ body: @escaping @Sendable (RPCClient, _ events: Events) async throws -> Void
    ) async throws {
        let network = InProcessNetwork()
        let connection = try makeConnection(network: network)
        let serverConnection = try makeConnection(network: network)
        let (events, source) = AsyncStream.makeStream(of: String.self)
        var router = RPCRouter()
        router.registerPing()
        router.register("hang") { _, context in
            source.yield("begins")
            #expect(context.additional.isEmpty)
            await withTaskCancellationHandler {
                let (never, end) = AsyncStream.makeStream(of: Void.self)
                for await _ in never {}
                end.finish()
            } onCancel: {
                source.yield("cancelled")
            }
            throw CancellationError()
        }
        let server = RPCServer(
            serverConnection, topic: Topic("hang"), name: "host1", router: router, logger: quietLogger)
        let client = RPCClient(connection, target: RPCTarget(topic: "hang"), timeout: .seconds(50))
        try await withRunning(connection, serverConnection, server) {
            try await server.waitUntilServing()
            try await body(client, Events(stream: events))
        }
    }

    @Test("A handler is cancelled at its caller's deadline")
    func deadline() async throws {
        try await withHanging { client, events in
            let error = await #expect(throws: RPCError.self) {
                try await client.call("hang", context: .admin(), timeout: .seconds(2))
            }
            #expect(error?.code == .timeout)
            let first = await events.next()
            #expect(first == "begins")
            let last = await events.next()
            #expect(last == "cancelled")
        }
    }

    @Test("A handler is cancelled when its caller stops waiting, at once and later on", arguments: [false, true])
    func cancelled(isLate: Bool) async throws {
        try await withHanging { client, events in
            let call = Task { try await client.call("hang", context: .admin()) }
            let first = await events.next()
            #expect(first == "begins")
            if isLate { try await Task.sleep(for: WorkAnnouncements.delay * 2) }
            call.cancel()
            await #expect(throws: CancellationError.self) { try await call.value }
            // Without being told it would last for the 50 seconds of the call.
            let last = await events.next()
            #expect(last == "cancelled")
            #expect(client.callsInFlight == 0)
        }
    }

    @Test("Work that lasts is announced to callers of Switchboard, and to no others")
    func announcement() async throws {
        let network = InProcessNetwork()
        let connection = try makeConnection(network: network)
        let (gate, gateSource) = AsyncStream.makeStream(of: Void.self)
        var router = RPCRouter()
        router.register("wait") { _, _ in
            for await _ in gate { break }
            return "done"
        }
        let handling = RPCRequestHandling(
            connection: connection, topic: Topic("t"), server: "s", router: router,
            configuration: RPCServerConfiguration(), logger: quietLogger)
        let mailbox = Mailbox(named: "reply_test")
        try await withRunning(connection) {
            try await connection.transport.withSubscription(to: .mailbox(mailbox)) { deliveries in
                var replies = deliveries.makeAsyncIterator()
                for isOurs in [true, false] {
                    var request = OsloRequest(
                        method: "wait", messageID: .string("id-\(isOurs)"), replyQueue: mailbox.name)
                    if isOurs { request.context = [RPCDeadline.key: 60_000] }
                    async let work: Void = handling.handle(
                        Delivery(message: request.message()) { _ throws(TransportError) in })
                    if isOurs {
                        let first = try OsloReply(try #require(try await replies.next()).message)
                        #expect(first.worker?.hasPrefix("reply_") == true)
                        #expect(!first.ending && first.result == .null && first.failure == nil)
                    } else {
                        try await Task.sleep(for: WorkAnnouncements.delay * 2)
                    }
                    gateSource.yield()
                    await work
                    let last = try OsloReply(try #require(try await replies.next()).message)
                    #expect(last.result == "done")
                    #expect(last.worker == nil)
                }
            }
        }
    }
}
