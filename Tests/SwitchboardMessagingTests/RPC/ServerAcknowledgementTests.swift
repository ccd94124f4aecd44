import MetricsTestKit
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardTesting
import Testing

@testable import SwitchboardMessaging

@Suite("When a server takes a request from its queue, and how often it is done", .timeLimit(.minutes(5)))
struct ServerAcknowledgementTests {
    private func request(_ method: String, id: String? = nil) -> Message {
        OsloRequest(method: method, uniqueID: id ?? UniqueID.make()).message()
    }

    @Test("A request that comes again is done once, until it went back to the queue", arguments: [1, 16, 100])
    func duplicates(between: Int) async throws {
        let count = Locked(0)
        let metrics = TestMetrics()
        let connection = try makeConnection(network: InProcessNetwork(), telemetry: Telemetry(metrics: metrics))
        var router = RPCRouter()
        router.register("count") { _, _ in
            count.withLock { $0 += 1 }
            return nil
        }
        router.register("other") { _, _ in nil }
        let handling = RPCRequestHandling(
            connection: connection, topic: Topic("t"), server: "s", router: router,
            configuration: RPCServerConfiguration(), logger: quietLogger)
        let settlements = Locked<[Settlement]>([])
        func deliver(_ message: Message) async {
            await handling.handle(
                Delivery(message: message) { settlement throws(TransportError) in
                    settlements.withLock { $0.append(settlement) }
                })
        }
        let message = request("count")
        await deliver(message)
        for _ in 0..<between { await deliver(request("other")) }
        await deliver(message)
        #expect(count.withLock { $0 } == 1)
        #expect(settlements.withLock { $0.allSatisfy { $0 == .accept } && $0.count == between + 2 })
        #expect(
            try metrics.expectCounter("switchboard.server.duplicates", [("messaging.system", "fake")]).totalValue == 1)
    }

    @Test("A request whose acceptance failed comes again and is done then")
    func failedAcceptance() async throws {
        let count = Locked(0)
        var router = RPCRouter()
        router.register("count") { _, _ in
            count.withLock { $0 += 1 }
            return nil
        }
        let handling = RPCRequestHandling(
            connection: try makeConnection(network: InProcessNetwork()), topic: Topic("t"), server: "s", router: router,
            configuration: RPCServerConfiguration(), logger: quietLogger)
        let message = request("count")
        await handling.handle(
            Delivery(message: message) { _ throws(TransportError) in throw TransportError(.unavailable, "Not now.") })
        #expect(count.withLock { $0 } == 0)
        await handling.handle(Delivery(message: message) { _ throws(TransportError) in })
        #expect(count.withLock { $0 } == 1)
    }

    @Test("At least once, a request is settled behind its reply, and goes back when the server is cancelled")
    func atLeastOnce() async throws {
        let connection = try makeConnection(network: InProcessNetwork())
        let events = Locked<[String]>([])
        var router = RPCRouter()
        router.register("work") { _, _ in
            events.withLock { $0.append("handled") }
            return nil
        }
        let (begun, begunSource) = AsyncStream.makeStream(of: Void.self)
        router.register("hang") { _, _ in
            begunSource.yield()
            try await Task.sleep(for: .seconds(3600))
            return nil
        }
        var configuration = RPCServerConfiguration()
        configuration.acknowledgement = .atLeastOnce
        let handling = RPCRequestHandling(
            connection: connection, topic: Topic("t"), server: "s", router: router, configuration: configuration,
            logger: quietLogger)
        func delivery(_ method: String) -> Delivery {
            Delivery(message: request(method, id: "one and the same \(method)")) { settlement throws(TransportError) in
                events.withLock { $0.append("\(settlement)") }
            }
        }
        await handling.handle(delivery("work"))
        #expect(events.withLock { $0 } == ["handled", "accept"])
        for _ in 0..<2 {
            // The second is no duplicate: the first went back.
            events.withLock { $0 = [] }
            let hanging = delivery("hang")
            let work = Task { await handling.handle(hanging) }
            for await _ in begun { break }
            work.cancel()
            await work.value
            #expect(events.withLock { $0 } == ["release"])
        }
    }

    @Test("At least once, a copy that comes while the first is at work shares its fate", arguments: [true, false])
    func copies(isCancelled: Bool) async throws {
        let settlements = Locked<[String]>([])
        let (begun, begunSource) = AsyncStream.makeStream(of: Void.self)
        let (gate, gateSource) = AsyncStream.makeStream(of: Void.self)
        var router = RPCRouter()
        router.register("work") { _, _ in
            begunSource.yield()
            for await _ in gate { break }
            return nil
        }
        var configuration = RPCServerConfiguration()
        configuration.acknowledgement = .atLeastOnce
        let handling = RPCRequestHandling(
            connection: try makeConnection(network: InProcessNetwork()), topic: Topic("t"), server: "s", router: router,
            configuration: configuration, logger: quietLogger)
        let message = request("work", id: "one and the same")
        func delivery(_ name: String) -> Delivery {
            Delivery(message: message) { settlement throws(TransportError) in
                settlements.withLock { $0.append("\(name) \(settlement)") }
            }
        }
        let first = delivery("first")
        let work = Task { await handling.handle(first) }
        for await _ in begun { break }
        await handling.handle(delivery("copy"))
        // Accepted now, it would be lost if this process died.
        #expect(settlements.withLock { $0 } == [])
        if isCancelled { work.cancel() } else { gateSource.yield() }
        await work.value
        let settlement = isCancelled ? "release" : "accept"
        #expect(settlements.withLock { $0.sorted() } == ["copy \(settlement)", "first \(settlement)"])
        if !isCancelled {
            await handling.handle(delivery("late"))
            #expect(settlements.withLock { $0.last } == "late accept")
        }
    }
}
