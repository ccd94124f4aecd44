import ServiceLifecycle
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardTesting
import Testing

@testable import SwitchboardMessaging

@Suite("A server that is shut down", .timeLimit(.minutes(5)))
struct ServerDrainTests {
    /// Says when it has begun to run.
    private struct Announced: Service {
        let service: any Service
        let begun: AsyncStream<Void>.Continuation

        func run() async throws {
            begun.yield()
            try await service.run()
        }
    }

    @Test("A shutdown lets what runs finish and answer, gives the rest back, and reports both")
    func drain() async throws {
        let network = InProcessNetwork()
        let connection = try makeConnection(network: network)
        let (begun, begunSource) = AsyncStream.makeStream(of: Void.self)
        let (gate, gateSource) = AsyncStream.makeStream(of: Void.self)
        var router = RPCRouter()
        router.registerPing()
        router.register("work") { _, _ in
            begunSource.yield()
            for await _ in gate { break }
            return "done"
        }
        var configuration = RPCServerConfiguration()
        configuration.maximumConcurrency = 1
        let server = RPCServer(
            try makeConnection(network: network), topic: Topic("t"), name: "s", router: router,
            configuration: configuration, logger: quietLogger)
        let serverConnection = server.connection
        let client = RPCClient(connection, target: RPCTarget(topic: "t"), timeout: .seconds(30))
        try await withRunning(connection, serverConnection) {
            #expect(server.drainReport == nil)
            let serving = GracefulShutdownTrigger()
            async let served: Void = serving.run(server)
            try await server.waitUntilServing()
            async let first = client.call("work", context: .admin())
            for await _ in begun { break }
            // Waits behind the first, in the queue or in the server's hands.
            try await client.cast("work", context: .admin())
            serving.trigger()
            try await yieldsWhile { !server.isDraining }
            gateSource.yield()
            #expect(try await first == "done")
            try await served
            let report = try #require(server.drainReport)
            #expect(report.finished == 1)
            #expect(report.requeued <= 1)
            #expect("\(RPCDrainReport(finished: 12, requeued: 3))" == "12 finished, 3 requeued")
            // What was not begun is in the queue for the next server.
            let (taken, takenSource) = AsyncStream.makeStream(of: String.self)
            try await connection.transport.withSubscription(to: .topic(Topic("t"))) { deliveries in
                for try await delivery in deliveries {
                    takenSource.yield(try OsloRequest(delivery.message).method)
                    try await delivery.accept()
                    break
                }
            }
            var iterator = taken.makeAsyncIterator()
            #expect(await iterator.next() == "work")
        }
    }

    @Test("What was delivered and has not begun goes to another server while the slowest handler still runs")
    func prefetched() async throws {
        let network = InProcessNetwork()
        let connection = try makeConnection(network: network)
        let (begun, begunSource) = AsyncStream.makeStream(of: Void.self)
        let (gate, gateSource) = AsyncStream.makeStream(of: Void.self)
        let (taken, takenSource) = AsyncStream.makeStream(of: Void.self)
        var router = RPCRouter()
        router.registerPing()
        router.register("work") { _, _ in
            begunSource.yield()
            for await _ in gate { break }
            return "done"
        }
        var otherRouter = RPCRouter()
        otherRouter.register("work") { _, _ in
            takenSource.yield()
            return nil
        }
        var configuration = RPCServerConfiguration()
        configuration.maximumConcurrency = 1
        let server = RPCServer(
            try makeConnection(network: network), topic: Topic("t"), name: "s", router: router,
            configuration: configuration, logger: quietLogger)
        let other = RPCServer(
            try makeConnection(network: network), topic: Topic("t"), name: "other", router: otherRouter,
            logger: quietLogger)
        let client = RPCClient(connection, target: RPCTarget(topic: "t"), timeout: .seconds(30))
        try await withRunning(connection, server.connection, other.connection) {
            let serving = GracefulShutdownTrigger()
            async let served: Void = serving.run(server)
            try await server.waitUntilServing()
            async let first = client.call("work", context: .admin())
            for await _ in begun { break }
            // Accepted before it began, the first left room for this one to be delivered.
            try await client.cast("work", context: .admin())
            serving.trigger()
            try await yieldsWhile { !server.isDraining }
            try await withRunning(other) {
                for await _ in taken { break }
            }
            // Only now may the first go on.
            gateSource.yield()
            #expect(try await first == "done")
            try await served
            #expect(server.drainReport == RPCDrainReport(finished: 1, requeued: 1))
        }
    }

    @Test("A server that was never live ends without an error")
    func neverLive() async throws {
        let server = RPCServer(
            try makeConnection(network: InProcessNetwork()), topic: Topic("t"), name: "s", router: RPCRouter(),
            logger: quietLogger)
        let (begun, begunSource) = AsyncStream.makeStream(of: Void.self)
        let serving = GracefulShutdownTrigger()
        async let served: Void = serving.run(Announced(service: server, begun: begunSource))
        for await _ in begun { break }
        serving.trigger()
        try await served
        #expect(server.drainReport == RPCDrainReport())
    }
}
