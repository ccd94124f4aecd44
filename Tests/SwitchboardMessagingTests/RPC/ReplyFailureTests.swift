import Logging
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardTesting
import Testing

@testable import SwitchboardMessaging

/// Whoever waits for a reply learns at once that it cannot come.
@Suite("Replies that cannot be sent", .timeLimit(.minutes(5)))
struct ReplyFailureTests {
    /// What a queue has against messages over a size to mailboxes.
    struct Objection: Sendable {
        var code: TransportError.Code
        var limit = 1000
    }

    /// The in-process driver, which refuses what is too large for a mailbox.
    private func pickyDriver(_ base: InProcessDriver, _ objection: Objection?) -> InterceptedDriver {
        InterceptedDriver(base) { hooks in
            hooks.publish = { publish, connection in
                let size = publish.message.body.count
                guard let objection, case .mailbox = publish.address, size > objection.limit else {
                    return connection.publish(publish)
                }
                publish.finish(.failed(TransportError(objection.code, "No message of \(size) bytes here, secret://x.")))
            }
        }
    }

    private struct Unencodable: Codable, Sendable {
        init() {}
        init(from decoder: any Decoder) throws {}
        func encode(to encoder: any Encoder) throws { throw CocoaError() }
        struct CocoaError: Error {}
    }

    private struct Deep: RemotelyVisibleError {
        let depth: Int
        var remoteError: RemoteError {
            RemoteError(
                className: "Deep", module: "m", message: "deep", keywordArguments: ["value": nested(depth)])
        }
    }

    private struct Large: RemotelyVisibleError {
        var remoteError: RemoteError {
            RemoteError(
                className: "NotFound", module: "nova.exception", message: "not found: " + text(5000),
                keywordArguments: ["all": .string(text(5000))])
        }
    }

    /// Runs a service whose replies meet the objection.
    private func withService(
        _ objection: Objection?, acknowledgement: RPCServerConfiguration.Acknowledgement = .atMostOnce,
        _ body: @escaping @Sendable (RPCClient) async throws -> Void
    ) async throws {
        let network = InProcessNetwork()
        let url = try TransportURL("fake://x")
        let serving = MessageQueueConnection(
            Transport(
                driver: pickyDriver(try InProcessDriver(url, network: network), objection), url: url,
                logger: quietLogger), logger: quietLogger)
        let calling = try makeConnection("x", network: network)
        var router = RPCRouter()
        router.registerPing()
        router.register("large") { _, _ in .string(text(10_000)) }
        router.register("largeError") { _, _ in throw Large() }
        router.register("deep") { arguments, _ in nested(Int(arguments["depth"]?.integer ?? 0)) }
        router.register("deepError") { arguments, _ in throw Deep(depth: Int(arguments["depth"]?.integer ?? 0)) }
        router.register("infinite") { _, _ in [.double(.infinity), .double(-.infinity)] }
        router.register(RPCMethod<NoArguments, Unencodable>("unencodable")) { _, _ in Unencodable() }
        var configuration = RPCServerConfiguration()
        configuration.acknowledgement = acknowledgement
        let server = RPCServer(
            serving, topic: Topic("t"), name: "s", router: router, configuration: configuration, logger: quietLogger)
        let client = RPCClient(calling, target: RPCTarget(topic: "t"), timeout: .seconds(300))
        try await withRunning(serving, calling, server) {
            try await server.waitUntilServing()
            try await body(client)
        }
    }

    private func failure(_ body: () async throws -> JSONValue) async throws -> RPCError? {
        let begin = ContinuousClock.now
        let error = await #expect(throws: RPCError.self) { _ = try await body() }
        #expect(begin.duration(to: .now) < .seconds(60), "The caller waited for its timeout.")
        return error
    }

    @Test(
        "A reply that its queue does not take is answered by an error, whatever the queue has against it",
        arguments: [
            TransportError.Code.messageTooLarge, .conflict, .refused, .internalError, .exhausted, .indeterminate,
            .unsupported, TransportError.Code("other"),
        ], [RPCServerConfiguration.Acknowledgement.atMostOnce, .atLeastOnce])
    func refusedReply(_ code: TransportError.Code, _ acknowledgement: RPCServerConfiguration.Acknowledgement)
        async throws
    {
        try await withService(Objection(code: code), acknowledgement: acknowledgement) { client in
            let error = try await failure { try await client.call("large", context: .admin()) }
            #expect(error?.code == .invalidReply)
            #expect(error?.remote?.className == "UndeliverableReply")
            #expect(error?.message.contains(code.description) == true)
            // What this side knows of its queue is nothing for peers.
            #expect("\(error!)".contains("secret") == false)
            #expect(try await client.call("oslo_rpc_server_ping", context: .admin()) == "pong")
        }
    }

    @Test("A reply over the transport's own limit is answered by an error")
    func transportLimit() async throws {
        let network = InProcessNetwork()
        var configuration = TransportConfiguration()
        configuration.maximumMessageSize = 2000
        let serving = try MessageQueueConnection(
            TransportURL("fake://x"), drivers: DriverRegistry(.inProcess(network: network)),
            configuration: configuration, logger: quietLogger)
        let calling = try makeConnection("x", network: network)
        var router = RPCRouter()
        router.registerPing()
        router.register("large") { _, _ in .string(text(10_000)) }
        let server = RPCServer(serving, topic: Topic("t"), name: "s", router: router, logger: quietLogger)
        let client = RPCClient(calling, target: RPCTarget(topic: "t"), timeout: .seconds(300))
        try await withRunning(serving, calling, server) {
            try await server.waitUntilServing()
            let error = try await failure { try await client.call("large", context: .admin()) }
            #expect(error?.code == .invalidReply)
        }
    }

    @Test("A request over its transport's limit was certainly not sent")
    func largeRequest() async throws {
        let network = InProcessNetwork()
        var configuration = TransportConfiguration()
        configuration.maximumMessageSize = 2000
        let calling = try MessageQueueConnection(
            TransportURL("fake://x"), drivers: DriverRegistry(.inProcess(network: network)),
            configuration: configuration, logger: quietLogger)
        let client = RPCClient(calling, target: RPCTarget(topic: "t"), timeout: .seconds(300))
        try await withRunning(calling) {
            let error = try await failure { try await client.call("x", ["a": .string(text(5000))], context: .admin()) }
            #expect(error?.code == .messageTooLarge)
            #expect(client.callsInFlight == 0)
        }
    }

    @Test("An error that is too large arrives as the same class, shorter")
    func largeError() async throws {
        try await withService(Objection(code: .messageTooLarge, limit: 2000)) { client in
            let error = try await failure { try await client.call("largeError", context: .admin()) }
            #expect(error?.code == .remote)
            #expect(error?.remote?.className == "NotFound" && error?.remote?.module == "nova.exception")
            #expect(error?.message.hasPrefix("not found: aaa") == true)
        }
    }

    @Test("Where not even the shorter error fits, the caller still gets one")
    func smallQueue() async throws {
        try await withService(Objection(code: .messageTooLarge, limit: 600)) { client in
            let error = try await failure { try await client.call("largeError", context: .admin()) }
            #expect(error?.code == .invalidReply)
        }
    }

    @Test(
        "A result that is nested deeper than peers read is answered by an error, down to the last one that they read",
        arguments: [1, 100, OsloEnvelope.maximumDepth, OsloEnvelope.maximumDepth + 1, 600, 3000])
    func deep(_ depth: Int) async throws {
        try await withService(nil) { client in
            let arguments: JSONObject = ["depth": .integer(Int64(depth))]
            if depth <= OsloEnvelope.maximumDepth {
                #expect(try await client.call("deep", arguments, context: .admin()) == nested(depth))
            } else {
                let error = try await failure { try await client.call("deep", arguments, context: .admin()) }
                #expect(error?.code == .invalidReply)
            }
            let error = try await failure { try await client.call("deepError", arguments, context: .admin()) }
            #expect(error?.remote?.className == "Deep" && error?.message == "deep")
        }
    }

    @Test("Arguments that are nested deeper than servers read are refused before they are sent")
    func deepArguments() async throws {
        try await withService(nil) { client in
            for depth in [OsloEnvelope.maximumDepth + 1, 3000] {
                let error = try await failure { try await client.call("x", ["a": nested(depth)], context: .admin()) }
                #expect(error?.code == .invalidArguments)
                let cast = await #expect(throws: RPCError.self) {
                    try await client.cast("x", ["a": nested(depth)], context: .admin())
                }
                #expect(cast?.code == .invalidArguments)
            }
        }
    }

    @Test("A result that cannot be encoded is an error to its caller; numbers that JSON has not arrive as Python's")
    func unencodable() async throws {
        try await withService(nil) { client in
            let error = try await failure { try await client.call("unencodable", context: .admin()) }
            #expect(error?.code == .remote)
            #expect(try await client.call("infinite", context: .admin()) == [.double(.infinity), .double(-.infinity)])
        }
    }
}

private func text(_ count: Int) -> String { String(repeating: "a", count: count) }

/// Arrays and objects in turn, so many deep.
private func nested(_ depth: Int) -> JSONValue {
    (0..<depth).reduce(1) { inner, level in level % 2 == 0 ? [inner] : ["x": inner] }
}
