import MetricsTestKit
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardMessaging
import SwitchboardTesting
import Testing

/// An error of a program that crosses the wire both ways.
private struct InstanceNotFound: RPCTransferableError, Equatable {
    static let remoteClass = "InstanceNotFound"
    static let remoteModule = "nova.exception"
    var uuid: String

    init(uuid: String) {
        self.uuid = uuid
    }

    init?(_ remote: RemoteError) {
        guard let uuid = remote.keywordArguments["instance_id"]?.string else { return nil }
        self.uuid = uuid
    }

    var remoteError: RemoteError {
        RemoteError(
            className: Self.remoteClass, module: Self.remoteModule, message: "Instance \(uuid) could not be found.",
            keywordArguments: ["instance_id": .string(uuid)])
    }
}

/// Counts the requests that a service has handled.
private final class Handled: Sendable {
    private let number = Locked(0)
    private let source: AsyncStream<Int>.Continuation
    /// Each number as it is reached.
    let numbers: AsyncStream<Int>

    var count: Int { number.withLock { $0 } }

    init() {
        (numbers, source) = AsyncStream.makeStream()
    }

    func add() -> Int {
        number.withLock { count in
            count += 1
            source.yield(count)
            return count
        }
    }
}

@Suite("What a client tries again, and what it makes of errors", .timeLimit(.minutes(5)))
struct ClientPolicyTests {
    private func withService(
        plan: FaultPlan = FaultPlan(), metrics: TestMetrics = TestMetrics(),
        accessPolicy: RPCRouter.AccessPolicy = .standard,
        _ body: @escaping @Sendable (RPCClient, Handled) async throws -> Void
    ) async throws {
        let network = InProcessNetwork()
        let url = try TransportURL("fake://test")
        let faulty = FaultyDriver(
            try DriverRegistry(.inProcess(network: network)).makeDriver(for: url, logger: quietLogger), plan: plan)
        let connection = MessageQueueConnection(
            Transport(driver: faulty, url: url, logger: quietLogger), telemetry: Telemetry(metrics: metrics),
            logger: quietLogger)
        let serverConnection = try makeConnection(network: network)
        let handled = Handled()
        var router = RPCRouter()
        router.accessPolicy = accessPolicy
        router.register("count") { _, _ in .integer(Int64(handled.add())) }
        router.register("_hidden") { _, _ in "seen" }
        router.register("find") { _, _ in throw InstanceNotFound(uuid: "i-1") }
        let server = RPCServer(
            serverConnection, topic: Topic("t"), name: "host1", router: router, logger: quietLogger)
        let client = RPCClient(connection, target: RPCTarget(topic: "t"), timeout: .seconds(40))
        try await withRunning(connection, serverConnection, server) {
            // Through the connection without faults: they are counted.
            let probe = RPCClient(serverConnection, target: RPCTarget(topic: "t"), timeout: .seconds(40))
            while true {
                do {
                    _ = try await probe.call("is it there", context: .admin())
                } catch let error as RPCError where error.code == .noSuchMethod {
                    break
                } catch let error as RPCError where error.code == .unroutable {
                    await Task.yield()
                }
            }
            try await body(client, handled)
        }
    }

    @Test("A request that was certainly not sent is sent again, and counted")
    func retries() async throws {
        let metrics = TestMetrics()
        let plan = FaultPlan().onPublish(.number(1), .refuse(.unavailable)).onPublish(.number(2), .refuse(.unavailable))
        try await withService(plan: plan, metrics: metrics) { client, handled in
            var client = client
            client.retry.firstPause = .milliseconds(1)
            let number = try await client.call("count", context: .admin())
            #expect(number == 1)
            #expect(handled.count == 1)
        }
        let retries = try metrics.expectCounter("switchboard.client.retries", [("messaging.system", "fake")])
        #expect(retries.totalValue == 2)
    }

    @Test("It is tried so often and no more")
    func attempts() async throws {
        try await withService(plan: FaultPlan().onPublish(.every(1), .refuse(.unavailable))) { client, handled in
            var client = client
            client.retry = RPCRetryPolicy(attempts: 3, firstPause: .milliseconds(1))
            let error = await #expect(throws: RPCError.self) { try await client.cast("count", context: .admin()) }
            #expect(error?.code == .unavailable)
            client.retry = .never
            await #expect(throws: RPCError.self) { try await client.cast("count", context: .admin()) }
            #expect(handled.count == 0)
        }
    }

    @Test(
        "What may have been sent, and what would fail again, is not repeated",
        arguments: [FaultPlan.PublishFault.loseConfirmation, .lose, .refuse(.exhausted), .refuse(.refused)])
    func notRepeated(_ fault: FaultPlan.PublishFault) async throws {
        try await withService(plan: FaultPlan().onPublish(.number(1), fault)) { client, handled in
            let error = await #expect(throws: RPCError.self) { try await client.cast("count", context: .admin()) }
            #expect(error?.code != .unavailable)
            _ = try await client.call("count", context: .admin())
            // The cast went before, if at all; but the server's handlers run at the same time.
            let expected = fault == .loseConfirmation ? 2 : 1
            for await number in handled.numbers where number == expected { break }
            #expect(handled.count == expected)
        }
    }

    @Test("An error that the client's registry has is thrown as itself, any other as an RPCError")
    func registry() async throws {
        try await withService { client, _ in
            let plain = await #expect(throws: RPCError.self) { try await client.call("find", context: .admin()) }
            #expect(plain?.code == .remote)
            #expect(plain?.remote?.module == "nova.exception")
            var client = client
            client.errors.register(InstanceNotFound.self)
            await #expect(throws: InstanceNotFound(uuid: "i-1")) { try await client.call("find", context: .admin()) }
        }
    }

    @Test(
        "The access policy says which names may be called",
        arguments: [
            (RPCRouter.AccessPolicy.standard, ["count"]), (.legacy, ["count", "_hidden"]),
            (.explicit(["_hidden"]), ["_hidden"]),
        ])
    func access(_ policy: RPCRouter.AccessPolicy, _ callable: [String]) async throws {
        try await withService(accessPolicy: policy) { client, _ in
            for method in ["count", "_hidden"] {
                if callable.contains(method) {
                    _ = try await client.call(method, context: .admin())
                } else {
                    let error = await #expect(throws: RPCError.self) {
                        try await client.call(method, context: .admin())
                    }
                    #expect(error?.code == .noSuchMethod)
                }
            }
        }
    }
}
