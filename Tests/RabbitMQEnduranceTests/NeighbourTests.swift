#if RabbitMQ
import Glibc
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardRabbitMQ
import SwitchboardTesting
import Testing

extension Endurance {
    @Suite("Many lines", .serialized, .timeLimit(.minutes(5)))
    struct NeighbourTests {
        @Test("A broker that is stopped while busy does not slow the calls through another one")
        func stoppedNeighbour() async throws {
            let healthy = try await TestBroker.shared()
            try await TestBroker.withBroker { sick in
                try await healthy.withVirtualHost { name in
                    let work = try Workload(healthy.url(virtualHost: name))
                    let neighbour = try Workload(sick.url(virtualHost: "/"), timeout: .seconds(3))
                    try await work.run {
                        try await neighbour.run {
                            try await withThrowingTaskGroup(of: Void.self) { load in
                                for worker in 0..<16 {
                                    load.addTask {
                                        var number = worker
                                        while !Task.isCancelled {
                                            // While it is stopped these fail at their deadlines, as they should.
                                            _ = try? await neighbour.call(number)
                                            number += 16
                                        }
                                    }
                                }
                                defer { load.cancelAll() }
                                let before = try await self.times(of: 2000, work)
                                sick.pause()
                                defer { sick.resume() }
                                let after = try await self.times(of: 2000, work)
                                // A bar of 1.5 is for a quiet machine, where the benchmark measures it.
                                #expect(
                                    after.percentile(0.99) <= before.percentile(0.99) * 3 + .milliseconds(20),
                                    "p99 was \(before.percentile(0.99)) and is \(after.percentile(0.99))")
                            }
                        }
                    }
                }
            }
        }

        private func times(of count: Int, _ work: Workload) async throws -> [Duration] {
            var times: [Duration] = []
            for number in 0..<count { times.append(try await work.call(number)) }
            return times
        }

        @Test("Heartbeats go out while every thread of the program is busy")
        func busyThreads() async throws {
            let broker = try await TestBroker.shared()
            try await broker.withVirtualHost { name in
                var url = broker.url(virtualHost: name)
                url.options = [TransportURL.Option("heartbeat_timeout_threshold", "1")]
                let connection = try MessageQueueConnection(
                    url, drivers: DriverRegistry(.rabbitMQ()), logger: quietLogger)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await connection.run() }
                    defer { group.cancelAll() }
                    _ = try await connection.roundTrip(timeout: .seconds(30))
                    let names = try await self.connectionNames(broker, name)
                    // Longer than the time after which the broker, and this side, give up a silent peer.
                    await withDiscardingTaskGroup { busy in
                        for _ in 0..<4 * Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))) {
                            busy.addTask {
                                let end = ContinuousClock.now + .seconds(5)
                                while .now < end { usleep(1000) }
                            }
                        }
                    }
                    #expect(try await self.connectionNames(broker, name) == names)
                    _ = try await connection.roundTrip(timeout: .seconds(30))
                }
            }
        }

        /// The broker's own names of the connections: another one has another name.
        private func connectionNames(_ broker: TestBroker, _ virtualHost: String) async throws -> Set<String> {
            Set(try await broker.connections(in: virtualHost).map(\.name))
        }

        @Test("200 lines cost one thread, little memory each, and nearly no time when idle")
        func twoHundredLines() async throws {
            let count = 200
            let broker = try await TestBroker.shared()
            try await broker.withVirtualHost { name in
                let url = broker.url(virtualHost: name)
                let before = try ProcessUse.now()
                let connections = try (0..<count).map { _ in
                    try MessageQueueConnection(url, drivers: DriverRegistry(.rabbitMQ()), logger: quietLogger)
                }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for connection in connections { group.addTask { try await connection.run() } }
                    defer { group.cancelAll() }
                    // Each with its reply mailbox open.
                    try await withThrowingTaskGroup(of: Void.self) { pings in
                        for connection in connections {
                            pings.addTask { _ = try await connection.roundTrip(timeout: .seconds(60)) }
                        }
                        try await pings.waitForAll()
                    }
                    let connected = try ProcessUse.now()
                    #expect(connected.threads <= before.threads + 2, "\(before); then \(connected)")
                    #expect(connected.descriptors <= before.descriptors + 2 * count + 4)
                    let each = (connected.resident - before.resident) / count
                    // The bar of 150 KiB is for a release build, of which Tests/bench measures it.
                    #expect(each <= 200 * 1024, "\(each / 1024) KiB each")
                    try await Task.sleep(for: .seconds(5))
                    let idle = try ProcessUse.now()
                    // Twice the bar of 0.2 % of one core: this is a debug build.
                    #expect(idle.cpu - connected.cpu <= .milliseconds(20), "\(idle.cpu - connected.cpu) in 5 s")
                }
            }
        }
    }
}
#endif
