#if RabbitMQ
import Logging
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardRabbitMQ
import SwitchboardTesting
import Testing

extension Endurance {
    @Suite("Two servers on a topic, and connections that are cut", .serialized, .timeLimit(.minutes(10)))
    struct TwoServersTests {
        /// What became of calls, and how often each was executed where.
        struct Tally: Sendable {
            var answered: Set<Int> = []
            var indeterminate: Set<Int> = []
            /// By codes that say that nothing was executed.
            var notSent: Set<Int> = []
            var others: [Int: String] = [:]
            /// Of each server, by the number of the call.
            var executions: [[Int: Int]] = [[:], [:]]
            var cuts = 0

            func executions(of number: Int) -> Int { executions.reduce(0) { $0 + ($1[number] ?? 0) } }

            var summary: String {
                let twice = executions[0].keys.count { executions[1][$0] != nil }
                return "\(answered.count) answered, \(indeterminate.count) indeterminate, \(notSent.count) not sent, "
                    + "\(others.count) others, \(twice) executed on both, \(cuts) cuts"
            }
        }

        private static let promises: Set<RPCError.Code> = [.unavailable, .exhausted, .unroutable, .refused]

        /// Makes calls at an even pace while the connections of callers and servers are cut.
        static func tally(
            calls: Int, over time: Duration, cuts: Int, neverTwice: Bool, casts: Bool = false
        ) async throws -> Tally {
            let broker = try await TestBroker.shared()
            let tally = Locked(Tally())
            try await broker.withVirtualHost { name in
                let url = broker.url(virtualHost: name)
                let connections = try (0..<3).map {
                    try MessageQueueConnection(
                        url, drivers: DriverRegistry(.rabbitMQ()), name: "c\($0)", logger: quietLogger)
                }
                let servers = (0..<2).map { index in
                    var router = RPCRouter()
                    router.registerPing()
                    router.register("note") { arguments, _ in
                        let number = Int(arguments["number"]?.integer ?? -1)
                        tally.withLock { $0.executions[index][number, default: 0] += 1 }
                        return .integer(Int64(number))
                    }
                    return RPCServer(
                        connections[index], topic: Topic("work"), name: "host\(index)", router: router,
                        logger: quietLogger)
                }
                var client = RPCClient(connections[2], target: RPCTarget(topic: "work"), timeout: .seconds(60))
                client.neverTwice = neverTwice
                let caller = client
                @Sendable func send(_ number: Int) async {
                    do {
                        if casts {
                            try await caller.cast(
                                "note", ["number": .integer(Int64(number))], context: RequestContext())
                        } else {
                            let reply = try await caller.call(
                                "note", ["number": .integer(Int64(number))], context: RequestContext())
                            #expect(reply == .integer(Int64(number)))
                        }
                        _ = tally.withLock { $0.answered.insert(number) }
                    } catch let error as RPCError where error.code == .indeterminate {
                        _ = tally.withLock { $0.indeterminate.insert(number) }
                    } catch let error as RPCError where Self.promises.contains(error.code) {
                        _ = tally.withLock { $0.notSent.insert(number) }
                    } catch {
                        tally.withLock { $0.others[number] = "\(error)" }
                    }
                }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for connection in connections { group.addTask { try await connection.run() } }
                    for server in servers { group.addTask { try await server.run() } }
                    defer { group.cancelAll() }
                    for server in servers {
                        try await Self.waitForAnswer(from: server.name, caller)
                    }
                    group.addTask {
                        for _ in 0..<cuts {
                            try? await Task.sleep(for: time / cuts)
                            try? await broker.cutConnections(in: name)
                            tally.withLock { $0.cuts += 1 }
                        }
                    }
                    let begin = ContinuousClock.now
                    await withDiscardingTaskGroup { callers in
                        for number in 0..<calls {
                            try? await Task.sleep(until: begin + time * number / calls, clock: .continuous)
                            callers.addTask { await send(number) }
                        }
                    }
                    // What came again may still be on its way.
                    try await Task.sleep(for: .seconds(2))
                }
            }
            return tally.withLock(\.self)
        }

        private static func waitForAnswer(from server: String, _ client: RPCClient) async throws {
            let end = ContinuousClock.now + .seconds(60)
            while true {
                do {
                    _ = try await client.call(
                        "oslo_rpc_server_ping", to: server, context: RequestContext(), timeout: .seconds(5))
                    return
                } catch let error as RPCError where .now < end {
                    if error.code == .refused { throw error }
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
        }

        @Test(
            "Of 30,000 calls that must never be executed twice, none is, while connections are cut 100 times in a minute"
        )
        func neverTwice() async throws {
            let calls = Endurance.count(of: 30_000)
            let tally = try await Self.tally(
                calls: calls, over: .seconds(Endurance.count(of: 60)), cuts: Endurance.count(of: 100), neverTwice: true)
            let twice = (0..<calls).filter { tally.executions(of: $0) > 1 }
            #expect(twice.isEmpty, "\(twice.count) were executed twice; \(tally.summary)")
            #expect(tally.others.isEmpty, "\(tally.others.first?.value ?? ""); \(tally.summary)")
            #expect(tally.answered.count + tally.indeterminate.count + tally.notSent.count == calls)
            #expect(tally.answered.allSatisfy { tally.executions(of: $0) == 1 }, "\(tally.summary)")
            #expect(tally.notSent.allSatisfy { tally.executions(of: $0) == 0 }, "\(tally.summary)")
            // The cuts were felt, and are no reason to stop.
            #expect(tally.cuts > 0 && tally.answered.count > calls / 2, "\(tally.summary)")
        }

        @Test(
            "Other casts are executed at most once by each server, and hardly ever by both", arguments: [true, false])
        func repeatable(casts: Bool) async throws {
            let calls = Endurance.count(of: 30_000)
            let tally = try await Self.tally(
                calls: calls, over: .seconds(Endurance.count(of: 60)), cuts: Endurance.count(of: 100),
                neverTwice: false, casts: casts)
            #expect(tally.executions.allSatisfy { $0.values.allSatisfy { $0 == 1 } }, "\(tally.summary)")
            // The cuts were felt, and there was something to count.
            let executed = (0..<calls).count { tally.executions(of: $0) > 0 }
            #expect(tally.cuts > 0 && executed > calls / 2, "\(tally.summary)")
        }
    }
}
#endif
