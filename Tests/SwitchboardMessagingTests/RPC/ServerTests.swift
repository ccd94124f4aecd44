import Logging
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardTesting
import Testing

@testable import SwitchboardMessaging

@Suite("What a server does with its requests", .timeLimit(.minutes(5)))
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

    @Test("A request whose caller gave up while it waited for its turn is not executed")
    func lateRequest() async throws {
        let (gate, gateSource) = AsyncStream.makeStream(of: Void.self)
        let network = InProcessNetwork()
        let connection = try makeConnection(network: network)
        let executed = Locked<[String]>([])
        var router = RPCRouter()
        router.registerPing()
        router.register("slow") { _, _ in
            executed.withLock { $0.append("slow") }
            for await _ in gate { break }
            return nil
        }
        router.register("late") { _, _ in
            executed.withLock { $0.append("late") }
            return nil
        }
        var configuration = RPCServerConfiguration()
        configuration.maximumConcurrency = 1
        let server = RPCServer(
            try makeConnection(network: network), topic: Topic("t"), name: "s", router: router,
            configuration: configuration, logger: quietLogger)
        let client = RPCClient(connection, target: RPCTarget(topic: "t"), timeout: .seconds(20))
        let serverConnection = server.connection
        try await withRunning(connection, serverConnection) {
            let serving = Task { try await server.run() }
            try await server.waitUntilServing()
            async let slow = client.call("slow", context: .admin())
            try await yieldsWhile { executed.withLock({ $0.isEmpty }) }
            let error = await #expect(throws: RPCError.self) {
                try await client.call("late", context: .admin(), timeout: .milliseconds(200))
            }
            #expect(error?.code == .timeout)
            // Its time began on the server when it arrived there, which a busy machine does late.
            try await Task.sleep(for: .milliseconds(500))
            gateSource.finish()
            _ = try await slow
            // It has had its turn.
            _ = try await client.call("slow", context: .admin())
            #expect(executed.withLock { $0 } == ["slow", "slow"])
            serving.cancel()
            try await serving.value
        }
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
            try await server.waitUntilServing()
            let error = await #expect(throws: RPCError.self) { try await client.call("x", context: .admin()) }
            #expect(error?.code == .remote)
            serving.cancel()
            try await serving.value
        }
    }
}
