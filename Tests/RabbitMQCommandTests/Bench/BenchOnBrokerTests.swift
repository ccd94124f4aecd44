#if RabbitMQ && TLS
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardTesting
import Testing

@testable import SwitchboardCommand

@Suite("Bench, on RabbitMQ", .timeLimit(.minutes(5)))
struct BenchOnBrokerTests {
    private static let quorum: [TransportURL.Option] = [
        .init("rabbit_quorum_queue", "true"), .init("rabbit_transient_quorum_queue", "true"),
    ]

    /// Measures, and waits for the broker to have nothing of it any more.
    private func measure(
        _ kind: BenchServing.Kind, on bed: Bed, _ options: [TransportURL.Option] = Examination.options,
        topic: String? = nil, _ change: (inout Bench) -> Void = { _ in }
    ) async throws -> BenchResult {
        let premises = BenchTopic(topic, of: bed.url(options), timeout: .seconds(60))
        try await premises.refuseIfServed()
        var bench = Bench(serving: BenchServing(kind, topic: premises.topic, size: 100, timeout: .seconds(60)))
        bench.span = .milliseconds(500)
        bench.warmUp = .milliseconds(100)
        change(&bench)
        return try await premises.connected("the queue") { [bench] client, server in
            try await bench.run(from: client, to: server)
        }
    }

    private func expectNothing(of bed: Bed, but names: Set<String> = []) async throws {
        let queues = Set(try await bed.broker.queues(in: bed.name).map(\.name))
        #expect(queues == names)
        // Exchanges go with their last queue, which the broker doesn't wait for.
        try await bed.waits {
            try await bed.broker.exchanges(in: bed.name).allSatisfy { !$0.name.hasPrefix("bench-") }
        }
    }

    @Test("Each kind is measured, and nothing stays", arguments: BenchServing.Kind.allCases)
    func kinds(kind: BenchServing.Kind) async throws {
        try await Bed.with { bed in
            let result = try await measure(kind, on: bed) { $0.load = .rate(from: 100, to: 100) }
            #expect(result.isClean && result.tally.succeeded > 0, "\(result.lines)")
            #expect(result.tally.succeeded + result.tally.late == 50)
            try await expectNothing(of: bed)
        }
    }

    @Test("Quorum queues are measured as they are configured")
    func quorumQueues() async throws {
        try await Bed.with { bed in
            let types = Locked<[String?]>([])
            let result = try await measure(.calls, on: bed, Self.quorum) { bench in
                bench.span = .seconds(600)
                bench.interruption = { [serving = bench.serving] in
                    await begun(serving)
                    let queues = try? await bed.broker.queues(in: bed.name)
                    types.withLock { types in types = (queues ?? []).map { $0.arguments["x-queue-type"] } }
                }
            }
            #expect(result.isClean && result.tally.succeeded > 0)
            let found = types.withLock { $0 }
            #expect(!found.isEmpty && found.allSatisfy { $0?.contains("quorum") == true })
            try await expectNothing(of: bed)
        }
    }

    @Test(
        "Should the program be killed, all of it goes by itself in a minute", arguments: BenchServing.Kind.allCases)
    func killed(kind: BenchServing.Kind) async throws {
        try await Bed.with { bed in
            let seen = Locked<(queues: [TestBroker.Queue], exchanges: [TestBroker.Exchange])>(([], []))
            let result = try await measure(kind, on: bed) { bench in
                bench.span = .seconds(600)
                bench.interruption = { [serving = bench.serving] in
                    await begun(serving)
                    guard let queues = try? await bed.broker.queues(in: bed.name),
                        let exchanges = try? await bed.broker.exchanges(in: bed.name)
                    else { return }
                    seen.withLock { $0 = (queues, exchanges) }
                }
            }
            #expect(result.isInterrupted && result.tally.succeeded > 0)
            let (queues, exchanges) = seen.withLock { $0 }
            #expect(!queues.isEmpty && queues.allSatisfy { $0.arguments["x-expires"] == "60000" })
            #expect(!exchanges.isEmpty && exchanges.allSatisfy(\.isAutoDelete))
            try await expectNothing(of: bed)
        }
    }

    /// Returns when measuring has begun, and more have arrived than are under way at a time.
    private func begun(_ serving: BenchServing) async {
        while serving.arrivals.withLock({ $0.latencies.count }) < 40, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(5))
        }
    }

    @Test("A topic that others serve is refused, and nothing is sent to it")
    func served() async throws {
        try await Bed.with { bed in
            try await bed.serving {
                let before = try await bed.broker.queues(in: bed.name)
                for kind in BenchServing.Kind.allCases {
                    let failure = await #expect(throws: Failure.self) {
                        _ = try await measure(kind, on: bed, topic: Examination.topic.name)
                    }
                    #expect(failure?.exit == 2)
                    #expect(
                        failure?.message.contains("1 consumer takes from it") == true, "\(failure?.message ?? "")")
                }
                #expect(try await bed.broker.queues(in: bed.name) == before)
            }
        }
    }

    @Test("So is one whose service is stopped, and a topic of notifications that wait for their reader")
    func stopped() async throws {
        try await Bed.with { bed in
            try await bed.plant(bed.declareQueue("conductor"), bed.declareQueue("notifications.info"))
            try await bed.publish(3, to: "conductor")
            for topic in ["conductor", "notifications"] {
                let failure = await #expect(throws: Failure.self) {
                    _ = try await measure(.notifications, on: bed, topic: topic)
                }
                #expect(failure?.exit == 2 && failure?.message.contains("nobody takes from it") == true)
            }
            #expect(try await bed.broker.queue("conductor", in: bed.name)?.ready == 3)
        }
    }

    @Test("A topic with a given name that nobody has is measured, and nothing stays")
    func given() async throws {
        try await Bed.with { bed in
            try await bed.plant(bed.declareQueue("conductor"))
            let result = try await measure(.calls, on: bed, topic: "own-topic")
            #expect(result.isClean && result.tally.succeeded > 0)
            try await expectNothing(of: bed, but: ["conductor"])
        }
    }

    @Test("A queue that can't be reached is an error")
    func unreachable() async throws {
        let port = try LoopbackPort.free(1)[0]
        let url = try TransportURL("rabbit://guest:guest@127.0.0.1:\(port)/")
        let premises = BenchTopic("topic", of: url, timeout: .seconds(2))
        let failure = await #expect(throws: Failure.self) { try await premises.refuseIfServed() }
        #expect(failure?.exit == 5)
    }
}
#endif
