import Logging
import ServiceLifecycle
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardMessaging
import Testing

// The service of the documentation ("Writing a service"), but for its queue.
private enum Calculator {
    struct Pair: Codable, Sendable {
        var a: Int
        var b: Int
    }

    static let add = RPCMethod<Pair, Int>("add", version: "1.1")
}

@Suite("The example of the documentation", .timeLimit(.minutes(5)))
struct ExampleTests {
    @Test("A typed service and its caller are a few lines")
    func calculator() async throws {
        let logger = quietLogger
        let url = try TransportURL("fake://example")
        let drivers = DriverRegistry(.inProcess(network: InProcessNetwork()))
        let connection = try MessageQueueConnection(url, drivers: drivers, logger: logger)

        var router = RPCRouter()
        router.registerPing()
        router.register(Calculator.add) { pair, context in pair.a + pair.b }
        let server = RPCServer(connection, topic: Topic("calculator"), name: "host1", router: router, logger: logger)

        let group = ServiceGroup(services: [connection, server], logger: logger)
        let client = RPCClient(connection, target: RPCTarget(topic: "calculator"))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            try await server.waitUntilServing()
            let sum = try await client.call(Calculator.add, .init(a: 2, b: 40), context: RequestContext())
            #expect(sum == 42)
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        // The caller may have its reply before its handler is done.
        #expect(server.drainReport?.requeued == 0)
    }

    @Test("Arguments that a method does not have are refused")
    func unexpectedArguments() async throws {
        let network = InProcessNetwork()
        let connection = try makeConnection(network: network)
        var router = RPCRouter()
        router.registerPing()
        router.register(Calculator.add) { pair, _ in pair.a + pair.b }
        router.register(RPCMethod<NoArguments, NoReply>("nothing")) { _, _ in NoReply() }
        router.register(RPCMethod<[String: Int], Int>("any")) { numbers, _ in numbers.values.reduce(0, +) }
        let server = RPCServer(connection, topic: Topic("t"), name: "s", router: router, logger: quietLogger)
        try await withRunning(connection, server) {
            let client = RPCClient(connection, target: RPCTarget(topic: "t"), timeout: .seconds(40))
            try await server.waitUntilServing()
            for (method, arguments) in [("add", ["a": 1, "b": 2, "zz": 3] as JSONObject), ("nothing", ["zz": 3])] {
                let error = await #expect(throws: RPCError.self) {
                    try await client.call(method, arguments, context: .admin())
                }
                #expect(error?.remote?.className == "TypeError")
                #expect(error?.message == "\(method)() got an unexpected keyword argument 'zz'")
            }
            let sum = try await client.call("any", ["a": 1, "zz": 3], context: .admin())
            #expect(sum == 4)
        }
    }
}
