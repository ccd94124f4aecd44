#if RabbitMQ
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardRabbitMQ
import SwitchboardTesting
import Testing

extension Endurance {
    @Suite("A broker that closes connections all the time", .serialized, .timeLimit(.minutes(5)))
    struct StormTests {
        /// How the calls and casts of a storm ended.
        struct Outcomes: Sendable {
            var calls = 0
            var answered: [Duration] = []
            var failed: [RPCError.Code: Int] = [:]
            var slowest = Duration.zero
            var confirmed: [Int] = []
            var unconfirmed = 0
            var closings = 0

            mutating func ended(_ error: RPCError?, after time: Duration) {
                slowest = max(slowest, time)
                if let error { failed[error.code, default: 0] += 1 } else { answered.append(time) }
            }
        }

        /// Calls and casts that begin at their time, whatever became of those before.
        private func storm(_ work: Workload, _ broker: TestBroker, _ virtualHost: String) async throws -> Outcomes {
            let length = Duration.seconds(Endurance.isFull ? 60 : 12)
            let (calls, casts) = Endurance.isFull ? (500, 2000) : (100, 400)
            let outcomes = Locked(Outcomes())
            let begin = ContinuousClock.now
            let closing = Task {
                while !Task.isCancelled {
                    try? await Task.sleep(for: .milliseconds(500))
                    guard !Task.isCancelled, (try? await broker.closeConnections(in: virtualHost)) != nil else {
                        continue
                    }
                    outcomes.withLock { $0.closings += 1 }
                }
            }
            defer { closing.cancel() }
            await withTaskGroup(of: Void.self) { group in
                var (called, cast) = (0, 0)
                while true {
                    let elapsed = min(begin.duration(to: .now), length)
                    while called < Int(elapsed / .seconds(1) * Double(calls)) {
                        let number = called
                        called += 1
                        group.addTask { await Self.call(number, work, outcomes) }
                    }
                    while cast < Int(elapsed / .seconds(1) * Double(casts)) {
                        let number = cast
                        cast += 1
                        group.addTask { await Self.cast(number, work, outcomes) }
                    }
                    if elapsed == length { break }
                    try? await Task.sleep(for: .milliseconds(5))
                }
            }
            return outcomes.withLock { $0 }
        }

        private static func call(_ number: Int, _ work: Workload, _ outcomes: Locked<Outcomes>) async {
            let begin = ContinuousClock.now
            outcomes.withLock { $0.calls += 1 }
            do {
                let time = try await work.call(number + 1_000_000)
                outcomes.withLock { $0.ended(nil, after: time) }
            } catch let error as RPCError {
                outcomes.withLock { $0.ended(error, after: begin.duration(to: .now)) }
            } catch {
                Issue.record("\(error)")
            }
        }

        private static func cast(_ number: Int, _ work: Workload, _ outcomes: Locked<Outcomes>) async {
            do {
                try await work.cast(number)
                outcomes.withLock { $0.confirmed.append(number) }
            } catch {
                outcomes.withLock { $0.unconfirmed += 1 }
            }
        }

        @Test(
            "With every connection closed twice a second, at least half of the calls succeed, none hangs, no cast is missing"
        )
        func closedTwiceASecond() async throws {
            let timeout = Duration.seconds(5)
            let broker = try await TestBroker.shared()
            try await broker.withVirtualHost { name in
                let work = try Workload(broker.url(virtualHost: name), timeout: timeout)
                try await work.run {
                    let outcomes = try await storm(work, broker, name)
                    let missing = try await work.missing(outcomes.confirmed, within: .seconds(30))
                    let share = Double(outcomes.answered.count) / Double(outcomes.calls)
                    let summary =
                        "\(outcomes.closings) closings; of \(outcomes.calls) calls \(outcomes.answered.count) answered "
                        + "(median \(outcomes.answered.percentile(0.5)), 99 % \(outcomes.answered.percentile(0.99))), "
                        + "\(outcomes.failed), slowest \(outcomes.slowest); \(outcomes.confirmed.count) casts confirmed, "
                        + "\(outcomes.unconfirmed) not, \(missing.count) missing"
                    print(summary)
                    #expect(outcomes.closings > 8, "\(summary)")
                    #expect(share >= 0.5, "\(summary)")
                    // Some more on a machine that has much else to do.
                    #expect(outcomes.slowest < timeout + .seconds(10), "\(summary)")
                    #expect(missing.isEmpty, "\(summary)")
                    #expect(outcomes.confirmed.count > outcomes.unconfirmed, "\(summary)")
                }
            }
        }
    }
}
#endif
