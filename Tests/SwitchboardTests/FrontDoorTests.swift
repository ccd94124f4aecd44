import Logging
import Switchboard
import SwitchboardCells
import SwitchboardInProcess
import SwitchboardTesting
import Testing

@Suite("The front door", .timeLimit(.minutes(1)))
struct FrontDoorTests {
    private enum Counter {
        struct Amount: Codable, Sendable { var by: Int }
        static let add = RPCMethod<Amount, Int>("add", version: "1.0")

        static func router() -> RPCRouter {
            var router = RPCRouter()
            router.register(add) { amount, _ in amount.by + 1 }
            return router
        }
    }

    /// A queue that no other test has.
    private let url = "fake://\(UInt64.random(in: 0 ... .max))"
    private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    @Test("The body of a server begins once it serves, for calls, for its own name and for fanouts")
    func serves() async throws {
        let (noted, source) = AsyncStream.makeStream(of: Void.self)
        var router = Counter.router()
        router.register("note") { _, _ in
            source.yield()
            return .null
        }
        try await withMessageQueue(url, .inProcess(), logger: quiet) { [router] queue in
            try await withRPCServer(queue, topic: "t", name: "one", router: router, logger: quiet) {
                let client = RPCClient(queue, topic: "t")
                let any = try await client.call(Counter.add, .init(by: 1))
                let one = try await client.call(Counter.add, .init(by: 2), to: "one")
                #expect((any, one) == (2, 3))
                try await client.fanout("note")
                for await _ in noted { break }
            }
        }
    }

    @Test("A server has its host's name by default")
    func defaultName() async throws {
        #expect(!RPCServer.defaultName.isEmpty)
        try await withMessageQueue(url, .inProcess(), logger: quiet) { queue in
            try await withRPCServer(queue, topic: "t", router: Counter.router(), logger: quiet) {
                let client = RPCClient(queue, topic: "t")
                let sum = try await client.call(Counter.add, .init(by: 1), to: RPCServer.defaultName)
                #expect(sum == 2)
            }
        }
    }

    @Test("When the body of a server returns, what is being handled is finished and answered")
    func drains() async throws {
        let (begun, beginning) = AsyncStream.makeStream(of: Void.self)
        let (released, release) = AsyncStream.makeStream(of: Void.self)
        var router = RPCRouter()
        router.register("slow") { _, _ in
            beginning.yield()
            for await _ in released { break }
            return "done"
        }
        try await withMessageQueue(url, .inProcess(), logger: quiet) { [router] queue in
            let client = RPCClient(queue, topic: "t")
            let call = try await withRPCServer(queue, topic: "t", router: router, logger: quiet) {
                let call = Task { try await client.call("slow") }
                for await _ in begun { break }
                Task { release.yield() }
                return call
            }
            let reply = try await call.value
            #expect(reply == "done")
        }
    }

    @Test("What a body throws comes out, and what it runs in is cancelled")
    func bodyThrows() async throws {
        struct Planned: Error {}
        var router = RPCRouter()
        let (begun, beginning) = AsyncStream.makeStream(of: Void.self)
        router.register("endless") { _, _ in
            beginning.yield()
            try await Task.sleep(for: .seconds(3600))
            return .null
        }
        await #expect(throws: Planned.self) {
            try await withMessageQueue(url, .inProcess(), logger: quiet) { [router] queue in
                try await withRPCServer(queue, topic: "t", router: router, logger: quiet) {
                    try await RPCClient(queue, topic: "t").cast("endless")
                    for await _ in begun { break }
                    throw Planned()
                }
            }
        }
    }

    @Test("A URL that cannot be used is an error before anything runs, and shows no password")
    func badURL() async throws {
        for (bad, code) in [
            ("rabbit://a:s3cret@h/v", TransportError.Code.unknownScheme), ("fake://x:s3cret@:y:/", .invalidURL),
            ("", .invalidURL),
        ] {
            let error = await #expect(throws: TransportError.self, "\(bad)") {
                try await withMessageQueue(bad, .inProcess(), logger: quiet) { _ in Issue.record("The body ran.") }
            }
            #expect(error?.code == code && error.map { !"\($0)".contains("s3cret") } == true, "\(bad): \(error as Any)")
        }
    }

    @Test("A refused login comes out as such, whether the connection or a call hears of it first")
    func refused() async throws {
        let broker = FakeBroker()
        broker.setPassword("other", of: "alice")
        let error = await #expect(throws: (any Error).self) {
            try await withMessageQueue("rabbit://alice:pw1@mq1/", broker.plugin, logger: quiet) { queue in
                _ = try await RPCClient(queue, topic: "t").call("anything")
            }
        }
        let isRefused = (error as? TransportError)?.code == .refused || (error as? RPCError)?.code == .refused
        #expect(isRefused, "\(String(describing: error))")
    }

    @Test("A server that never runs does not serve, and one that has ended says so")
    func readiness() async throws {
        try await withMessageQueue(url, .inProcess(), logger: quiet) { queue in
            let server = RPCServer(queue, topic: "t", router: Counter.router(), logger: quiet)
            await #expect(throws: TransportError.self) { try await server.waitUntilServing(timeout: .zero) }
            try await withRunning(server) { try await server.waitUntilServing() }
            let error = await #expect(throws: TransportError.self) { try await server.waitUntilServing() }
            #expect(error?.code == .closed)
        }
    }

    @Test("Waiting for a server can be cancelled")
    func readinessCancelled() async throws {
        try await withMessageQueue(url, .inProcess(), logger: quiet) { queue in
            let server = RPCServer(queue, topic: "t", router: Counter.router(), logger: quiet)
            let waiting = Task { try await server.waitUntilServing(timeout: .seconds(3600)) }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
        }
    }

    @Test("The body of a listener begins once it listens, to a pool's own copies too")
    func listens() async throws {
        let (events, source) = AsyncStream.makeStream(of: String.self)
        var router = NotificationRouter()
        router.handle([.info]) { event in source.yield(event.eventType ?? "") }
        var configuration = NotificationListenerConfiguration()
        configuration.pool = "p"
        try await withMessageQueue(url, .inProcess(), logger: quiet) { [router, configuration] queue in
            try await withNotificationListener(queue, router: router, configuration: configuration, logger: quiet) {
                await Notifier(publisherID: "me", drivers: [.messagingV2(queue)], logger: quiet).info("it.happened")
                for await event in events {
                    #expect(event == "it.happened")
                    break
                }
            }
        }
    }

    @Test("A call is aimed at an instance's cell within withCells")
    func cells() async throws {
        let directory = InMemoryCellDirectory()
        let cell = try await directory.createCell(
            CellMapping(
                id: .random(), name: "one", transportURL: URLTemplate(url + "one"),
                databaseConnection: URLTemplate("sqlite:///one")))
        let instance = "10000000-0000-4000-8000-000000000001"
        _ = try await directory.mapInstances([InstanceMapping(instanceUUID: instance, cell: cell.id, projectID: "p")])
        try await withMessageQueue(url + "one", .inProcess(), logger: quiet) { remote in
            try await withRPCServer(remote, topic: "t", router: Counter.router(), logger: quiet) {
                try await withMessageQueue(url, .inProcess(), logger: quiet) { own in
                    let client = RPCClient(own, topic: "t")
                    try await withCells(directory: directory, drivers: .inProcess(), logger: quiet) { cells in
                        try await cells.withTargetCell(forInstance: instance, RequestContext()) { context in
                            let sum = try await client.call(Counter.add, .init(by: 4), context: context)
                            #expect(sum == 5)
                            // A call without a context uses the aimed one, and never another queue.
                            let other = try await client.call(Counter.add, .init(by: 5))
                            #expect(other == 6)
                        }
                        let error = await #expect(throws: RPCError.self) {
                            try await client.call(Counter.add, .init(by: 4))
                        }
                        #expect(error?.code == .unroutable)
                    }
                }
            }
        }
    }
}
