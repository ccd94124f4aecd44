#if RabbitMQ
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardTesting
import Testing

extension Endurance {
    @Suite("A cluster of three", .serialized, .timeLimit(.minutes(10)))
    struct ClusterTests {
        /// Starts `operation` with 0, 1, 2 … so many times a second, each in a task of its own, until cancelled, and
        /// waits for those under way.
        private func every(
            _ pause: Duration, _ operation: @escaping @Sendable (Int) async -> Void
        ) async {
            await withDiscardingTaskGroup { group in
                let start = ContinuousClock.now
                var number = 0
                while !Task.isCancelled {
                    let due = number
                    // Their own end: a cancelled cast would be no failure of the cluster.
                    group.addTask { await Task { await operation(due) }.value }
                    number += 1
                    try? await Task.sleep(until: start + pause * number, clock: .continuous)
                }
            }
        }

        @Test(
            "Nodes are killed and come back, one after the other, under load: nothing confirmed is lost, no call hangs")
        func killedNodes() async throws {
            try await TestBrokerCluster.withCluster(of: 3) { cluster in
                try await cluster.brokers[0].addVirtualHost("ha")
                var url = cluster.url(virtualHost: "ha")
                url.options = [
                    TransportURL.Option("rabbit_quorum_queue", "true"),
                    TransportURL.Option("rabbit_transient_quorum_queue", "true"),
                ]
                let timeout = Duration.seconds(30)
                let work = try Workload(url, timeout: timeout)
                let confirmed = Locked<[Int]>([])
                let failedCasts = Locked<[String]>([])
                let calls = Locked((answered: 0, failed: 0, late: 0, unclear: [String]()))
                try await work.run {
                    await withTaskGroup(of: Void.self) { load in
                        load.addTask {
                            await self.every(.milliseconds(2)) { number in
                                do {
                                    try await work.cast(number)
                                    confirmed.withLock { $0.append(number) }
                                } catch {
                                    failedCasts.withLock { $0.append("\(error)") }
                                }
                            }
                        }
                        load.addTask {
                            await self.every(.milliseconds(20)) { number in
                                let start = ContinuousClock.now
                                do {
                                    try await work.call(10_000_000 + number)
                                    calls.withLock { $0.answered += 1 }
                                } catch let error as RPCError {
                                    calls.withLock { calls in
                                        calls.failed += 1
                                        if error.message.isEmpty { calls.unclear.append("\(error)") }
                                    }
                                } catch {
                                    calls.withLock { $0.unclear.append("\(error)") }
                                }
                                if ContinuousClock.now - start > timeout + .seconds(5) {
                                    calls.withLock { $0.late += 1 }
                                }
                            }
                        }
                        for broker in cluster.brokers {
                            try? await Task.sleep(for: .seconds(2))
                            await broker.kill9()
                            try? await Task.sleep(for: .seconds(3))
                            do {
                                try await broker.startNode()
                                try await self.waitForNodes(3, seenBy: broker)
                            } catch {
                                Issue.record(error, "A node did not come back")
                            }
                        }
                        load.cancelAll()
                    }
                    // The subscriptions deliver: to any server, to one, and to all.
                    try await work.answers(within: .seconds(30))
                    try await work.call(20_000_000, to: "host1")
                    try await work.cast(20_000_001, fanout: true)
                    let numbers = confirmed.withLock { $0 } + [20_000_001]
                    let missing = try await work.missing(numbers, within: .seconds(30))
                    #expect(missing.isEmpty, "\(missing.count) of \(numbers.count) confirmed casts are missing")
                    #expect(numbers.count > 500, "\(failedCasts.withLock { $0 }.prefix(3))")
                    let result = calls.withLock { $0 }
                    #expect(result.answered > 50)
                    #expect(result.late == 0)
                    #expect(result.unclear.isEmpty)
                }
            }
        }

        private func waitForNodes(_ count: Int, seenBy broker: TestBroker) async throws {
            let end = ContinuousClock.now + .seconds(60)
            while try await broker.runningNodes() < count {
                guard .now < end else { throw TestBrokerError("The cluster is not whole again after a minute.") }
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }
}
#endif
