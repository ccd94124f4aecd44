import Logging
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardMessaging

/// RPC within one process: two servers of one topic, and a client that calls, casts to all, and meets errors.
///
///     swift run InProcessExample
@main
struct InProcessExample {
    struct Pair: Codable, Sendable {
        var a: Int
        var b: Int
    }

    /// The interface: one constant for each method, shared by client and servers.
    static let divide = RPCMethod<Pair, Int>("divide", version: "1.0")
    static let note = RPCMethod<[String: String], NoReply>("note", version: "1.1")

    static func router(_ server: String, _ noted: AsyncStream<String>.Continuation) -> RPCRouter {
        var router = RPCRouter()
        router.registerPing()
        router.register(divide) { pair, _ in
            guard pair.b != 0 else { throw RemoteError(className: "DivisionByZero", message: "\(pair.a) by 0") }
            return pair.a / pair.b
        }
        router.register(note) { note, _ in
            noted.yield("\(server) noted: \(note["text"] ?? "")")
            return NoReply()
        }
        return router
    }

    static func main() async throws {
        let logger = Logger(label: "example") { _ in SwiftLogNoOpLogHandler() }
        let queue = try MessageQueueConnection(
            TransportURL("fake://example"), drivers: DriverRegistry(.inProcess()), logger: logger)
        let topic = Topic("calculator")
        let (notes, noted) = AsyncStream.makeStream(of: String.self)
        let servers = ["one", "two"].map { name in
            RPCServer(queue, topic: topic, name: name, router: router(name, noted), logger: logger)
        }
        let client = RPCClient(queue, target: RPCTarget(topic: "calculator"), timeout: .seconds(10))
        let context = RequestContext(userID: "alice")

        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await queue.run() }
            for server in servers { group.addTask { try await server.run() } }
            defer { group.cancelAll() }
            for server in servers { try await waitFor(server.name, client) }

            print("84 / 2 =", try await client.call(divide, Pair(a: 84, b: 2), context: context))
            do {
                print(try await client.call(divide, Pair(a: 1, b: 0), to: "two", context: context))
            } catch let error as RPCError {
                print("1 / 0:", error)
            }
            try await client.fanout(note, ["text": "lunch at noon"], context: context)
            for await line in notes.prefix(2) { print(line) }
            do {
                try await client.cast(note, ["text": "psst"], to: "three", context: context)
            } catch let error as RPCError where error.code == .unroutable {
                print("three: nobody listens")
            }
        }
    }

    /// A server that has just been started may not listen yet.
    static func waitFor(_ server: String, _ client: RPCClient) async throws {
        while true {
            do {
                _ = try await client.call("oslo_rpc_server_ping", to: server, context: .admin())
                return
            } catch let error as RPCError where error.code == .unroutable {
                await Task.yield()
            }
        }
    }
}
