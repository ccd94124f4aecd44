import ServiceLifecycle
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardMessaging
import SwitchboardTesting
import Testing

private enum Calculator {
    struct Pair: Codable, Sendable {
        var a: Int
        var b: Int
    }

    static let add = RPCMethod<Pair, Int>("add", version: "1.1")
    static let fail = RPCMethod<NoArguments, NoReply>("fail", version: "1.0")
    static let leak = RPCMethod<NoArguments, NoReply>("leak", version: "1.0")
    static let hang = RPCMethod<NoArguments, NoReply>("hang", version: "1.0")

    struct Leaky: Error, CustomStringConvertible {
        let description = "secret-5up3r"
    }

    static func router() -> RPCRouter {
        var router = RPCRouter()
        router.registerPing()
        router.register(add) { pair, _ in pair.a + pair.b }
        router.register(fail) { _, _ in
            throw RemoteError(className: "InstanceNotFound", module: "nova.exception", message: "no such instance")
        }
        router.register(leak) { _, _ in throw Leaky() }
        router.register(hang) { _, _ in
            try await Task.sleep(for: .seconds(3600))
            return NoReply()
        }
        router.register("who") { _, context in
            ["user": .string(context.userID ?? ""), "token": .string(context.authToken?.reveal() ?? "")]
        }
        return router
    }
}

@Suite("RPC over the in-process driver", .timeLimit(.minutes(5)))
struct RPCTests {
    private func withCalculator(
        _ body: @escaping @Sendable (RPCClient) async throws -> Void
    ) async throws {
        let network = InProcessNetwork()
        let connection = try makeConnection(network: network)
        let server = RPCServer(
            try makeConnection(network: network), topic: Topic("calc"), name: "host1", router: Calculator.router(),
            logger: quietLogger)
        let client = RPCClient(connection, target: RPCTarget(topic: "calc"), timeout: .seconds(40))
        let serverConnection = server.connection
        try await withRunning(connection, serverConnection, server) {
            try await server.waitUntilServing()
            try await body(client)
        }
    }

    @Test("A call returns what the handler returns")
    func call() async throws {
        try await withCalculator { client in
            let sum = try await client.call(Calculator.add, .init(a: 2, b: 40), context: RequestContext())
            #expect(sum == 42)
            let direct = try await client.call(
                Calculator.add, .init(a: 1, b: 1), to: "host1", context: RequestContext())
            #expect(direct == 2)
        }
    }

    @Test("Many calls at once each get their own reply")
    func manyCalls() async throws {
        try await withCalculator { client in
            let sums = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
                for number in 0..<500 {
                    group.addTask {
                        (number, try await client.call(Calculator.add, .init(a: number, b: 1), context: .admin()))
                    }
                }
                return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            #expect(sums.count == 500)
            #expect(sums.allSatisfy { $1 == $0 + 1 })
        }
    }

    @Test("An error that opts in arrives with class, module and message")
    func remoteError() async throws {
        try await withCalculator { client in
            let error = await #expect(throws: RPCError.self) {
                try await client.call(Calculator.fail, .init(), context: RequestContext())
            }
            #expect(error?.code == .remote)
            #expect(error?.remote?.className == "InstanceNotFound")
            #expect(error?.remote?.module == "nova.exception")
            #expect(error?.message == "no such instance")
        }
    }

    @Test("Nothing of an error that does not opt in leaves the server")
    func privateError() async throws {
        try await withCalculator { client in
            let error = await #expect(throws: RPCError.self) {
                try await client.call(Calculator.leak, .init(), context: RequestContext())
            }
            #expect(error?.remote?.className == "HandlerError")
            #expect(!"\(error!)".contains("5up3r"))
        }
    }

    @Test("A method that nobody has, and a version that nobody has, are told apart")
    func dispatchErrors() async throws {
        try await withCalculator { client in
            let missing = await #expect(throws: RPCError.self) {
                try await client.call("subtract", version: "1.0", context: RequestContext())
            }
            #expect(missing?.code == .noSuchMethod)
            let newer = await #expect(throws: RPCError.self) {
                try await client.call("add", ["a": 1, "b": 2], version: "1.2", context: RequestContext())
            }
            #expect(newer?.code == .unsupportedVersion)
            let namespaced = await #expect(throws: RPCError.self) {
                try await client.call("add", ["a": 1, "b": 2], namespace: "x", context: RequestContext())
            }
            #expect(namespaced?.code == .unsupportedVersion)
        }
    }

    @Test("Arguments that do not fit are the caller's error, with the name of what is missing")
    func badArguments() async throws {
        try await withCalculator { client in
            let error = await #expect(throws: RPCError.self) {
                try await client.call("add", ["a": 1], context: RequestContext())
            }
            #expect(error?.remote?.className == "TypeError")
            #expect(error?.message.contains("\"b\"") == true)
        }
    }

    @Test("The context arrives, and its token too")
    func context() async throws {
        try await withCalculator { client in
            var context = RequestContext(userID: "u1")
            context.authToken = "t0ken"
            let reply = try await client.call("who", context: context)
            #expect(reply == ["user": "u1", "token": "t0ken"])
            #expect(!"\(context)".contains("t0ken"))
        }
    }

    @Test("A call that nobody answers fails at its deadline, and says what it waited for")
    func timeout() async throws {
        try await withCalculator { client in
            let start = ContinuousClock.now
            let error = await #expect(throws: RPCError.self) {
                try await client.call(Calculator.hang, .init(), context: RequestContext(), timeout: .milliseconds(200))
            }
            #expect(error?.code == .timeout)
            // What an operator needs to find it in the broker and in the server's log.
            let message = try #require(error?.message)
            let parts = [
                "hang to openstack/calc", "the process's own queue", "0.2 seconds", "msg_id ", "at reply_",
                "connection is ready",
            ]
            for part in parts { #expect(message.contains(part), "\(message)") }
            #expect(ContinuousClock.now - start < .seconds(60))
        }
    }

    @Test("A call to a topic that nobody serves fails at once")
    func nobodyListens() async throws {
        try await withCalculator { client in
            var client = client
            client.target = RPCTarget(topic: "nobody")
            client.timeout = .seconds(300)
            let start = ContinuousClock.now
            let error = await #expect(throws: RPCError.self) {
                try await client.call("x", context: RequestContext())
            }
            #expect(error?.code == .unroutable)
            #expect(ContinuousClock.now - start < .seconds(60))
        }
    }

    @Test("A cancelled task cancels its call")
    func cancellation() async throws {
        try await withCalculator { client in
            let call = Task { try await client.call(Calculator.hang, .init(), context: RequestContext()) }
            try await yieldsWhile { client.callsInFlight == 0 }
            call.cancel()
            await #expect(throws: CancellationError.self) { try await call.value }
            #expect(client.callsInFlight == 0)
        }
    }

    @Test("A call on a connection that nobody runs fails at its deadline")
    func notRunning() async throws {
        let connection = try makeConnection(network: InProcessNetwork())
        let client = RPCClient(connection, target: RPCTarget(topic: "t"), timeout: .milliseconds(100))
        let error = await #expect(throws: RPCError.self) { try await client.call("x", context: RequestContext()) }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("run()") == true)
    }

    @Test("A version over the cap is refused before anything is sent")
    func versionCap() async throws {
        try await withCalculator { client in
            var client = client
            client.versionCap = "1.0"
            #expect(client.canSend("1.0") && !client.canSend("1.1"))
            let error = await #expect(throws: RPCError.self) {
                try await client.call(Calculator.add, .init(a: 1, b: 1), context: RequestContext())
            }
            #expect(error?.code == .versionCapExceeded)
        }
    }

    @Test("A context without a queue fails with the cell's name, and sends nothing")
    func noQueue() async throws {
        try await withCalculator { client in
            var context = RequestContext()
            context.mqConnection = .none(cell: "cell0", reason: "it has no message queue (none://)")
            let error = await #expect(throws: RPCError.self) {
                try await client.call(Calculator.add, .init(a: 1, b: 1), context: context)
            }
            #expect(error?.code == .noQueue)
            #expect(error?.message.contains("cell0") == true)
            context.mqConnection = .own
            let sum = try await client.call(Calculator.add, .init(a: 1, b: 1), context: context)
            #expect(sum == 2)
        }
    }
}
