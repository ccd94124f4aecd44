#if RabbitMQ
import SwitchboardCore
import SwitchboardRabbitMQ
import SwitchboardTesting
import Testing

extension Endurance {
    @Suite("Cut connections", .serialized, .timeLimit(.minutes(10)))
    struct CutTests {
        @Test(
            "Of 100,000 casts, none is missing and each is executed once, while connections are cut five times a second"
        )
        func castsUnderCuts() async throws {
            let count = Endurance.count(of: 100_000)
            let workers = 500
            let broker = try await TestBroker.shared()
            try await broker.withVirtualHost { name in
                let work = try Workload(broker.url(virtualHost: name), timeout: .seconds(60))
                try await work.run {
                    let cuts = try await withThrowingTaskGroup(of: Void.self) { group in
                        let cuts = Locked(0)
                        group.addTask {
                            while !Task.isCancelled {
                                try? await Task.sleep(for: .milliseconds(200))
                                try? await broker.cutConnections(in: name)
                                cuts.withLock { $0 += 1 }
                            }
                        }
                        defer { group.cancelAll() }
                        try await withThrowingTaskGroup(of: Void.self) { casters in
                            for worker in 0..<workers {
                                casters.addTask {
                                    for index in 0..<count / workers { try await work.cast(worker + index * workers) }
                                }
                            }
                            try await casters.waitForAll()
                        }
                        return cuts.withLock { $0 }
                    }
                    #expect(cuts >= 2)
                    let missing = try await work.missing(0..<count, within: .seconds(60))
                    #expect(missing.isEmpty, "\(missing.count) are missing, among them \(missing.prefix(5))")
                    let repeated = (0..<count).filter { work.executions(of: $0) > 1 }
                    #expect(repeated.isEmpty, "\(repeated.count) were executed more than once")
                }
            }
        }

        @Test("A broker that is down for hundreds of attempts costs neither sockets nor threads")
        func down() async throws {
            var configuration = RabbitMQConfiguration.osloDefaults
            configuration.firstReconnectDelay = .milliseconds(1)
            configuration.maximumReconnectDelay = .milliseconds(5)
            let ports = try LoopbackPort.free(2)
            let transport = try Transport(
                TransportURL("rabbit://127.0.0.1:\(ports[0]),127.0.0.1:\(ports[1])/x"),
                drivers: DriverRegistry(.rabbitMQ(configuration)), logger: quietLogger)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await transport.run() }
                defer { group.cancelAll() }
                func hasTried(_ times: Int) async {
                    for await case .connecting(let attempt, _) in transport.states() where attempt >= times {
                        return
                    }
                }
                await hasTried(20)
                let before = try ProcessUse.now()
                await hasTried(500)
                let after = try ProcessUse.now()
                #expect(after.descriptors <= before.descriptors + 2, "\(before); then \(after)")
                #expect(after.threads <= before.threads + 1, "\(before); then \(after)")
            }
        }

        @Test("After 1,000 lost connections, sockets, threads and memory are as after the first 10")
        func cycles() async throws {
            let broker = try await TestBroker.shared()
            try await broker.withVirtualHost { name in
                var configuration = RabbitMQConfiguration.osloDefaults
                configuration.firstReconnectDelay = .milliseconds(1)
                configuration.maximumReconnectDelay = .milliseconds(5)
                let transport = try Transport(
                    broker.url(virtualHost: name), drivers: DriverRegistry(.rabbitMQ(configuration)),
                    logger: quietLogger)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await transport.run() }
                    defer { group.cancelAll() }
                    let topic = Topic("t", exchange: "e")
                    try await transport.withSubscription(to: .topic(topic)) { _ in
                        func cycle() async throws {
                            // The broker has both connections, and drops them.
                            try await broker.cutConnections(in: name)
                            while true {
                                do throws(TransportError) {
                                    try await transport.publish(
                                        Message(body: [1]), to: .topic(topic), deadline: .now + .seconds(30),
                                        mandatory: true, allowsDuplicates: true)
                                    return
                                } catch {
                                    // The queue deletes itself with its last consumer, until that is back.
                                    guard error.code == .unroutable else { throw error }
                                }
                            }
                        }
                        for _ in 0..<10 { try await cycle() }
                        let before = try ProcessUse.now()
                        for _ in 10..<Endurance.count(of: 1000) { try await cycle() }
                        let after = try ProcessUse.now()
                        #expect(after.descriptors <= before.descriptors + 2, "\(before); then \(after)")
                        #expect(after.threads <= before.threads + 1, "\(before); then \(after)")
                        // What a heap keeps; one leaked connection a cycle would be over 100 MiB.
                        #expect(after.resident <= before.resident + 16 * 1024 * 1024, "\(before); then \(after)")
                        let connections = try await broker.connections(in: name)
                        #expect(connections.count <= 2)
                    }
                }
            }
        }
    }
}
#endif
