#if RabbitMQ
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

@Suite("Losses and recovery", .serialized, .timeLimit(.minutes(3)))
struct RecoveryTests {
    private let topic = Topic("t", exchange: "e")

    private func withCuts(
        of relay: Relay, every pause: Duration, _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    try? await Task.sleep(for: pause)
                    relay.cut()
                }
            }
            defer { group.cancelAll() }
            try await body()
        }
    }

    @Test("Of 10,000 confirmed publishes, none is missing after cuts five times a second")
    func cutsLoseNothing() async throws {
        let count = 10_000
        let workers = 50
        try await withRelayedDriver { [topic] driver, relay, broker, name in
            try await driver.withSubscription(
                to: .topic(topic), options: SubscriptionOptions(prefetch: 200, deadline: .now + .seconds(20))
            ) { deliveries in
                let seen = Locked<Set<String>>([])
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for try await delivery in deliveries {
                            seen.withLock { seen in _ = seen.insert(delivery.text) }
                            try await delivery.accept()
                            if seen.withLock({ $0.count }) == count { return }
                        }
                    }
                    group.addTask {
                        try await self.withCuts(of: relay, every: .milliseconds(200)) {
                            try await withThrowingTaskGroup(of: Void.self) { publishers in
                                for worker in 0..<workers {
                                    publishers.addTask {
                                        for number in 0..<count / workers {
                                            try await driver.publish(
                                                Message(body: Array("\(worker).\(number)".utf8)), to: .topic(topic),
                                                options: .within(.seconds(60), allowsDuplicates: true))
                                        }
                                    }
                                }
                                try await publishers.waitForAll()
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(seen.withLock { $0.count } == count)
            }
            #expect(relay.accepted > 4)
            // One connection slot for each: nothing piled up.
            #expect(relay.open <= 2)
        }
    }

    @Test(
        "Without leave to send twice, each outcome is true: confirmed ones arrive, unsent ones do not, none comes twice"
    )
    func honestOutcomes() async throws {
        try await withRelayedDriver { [topic] driver, relay, broker, name in
            let outcomes = Locked<[String: TransportError.Code?]>([:])
            try await driver.withSubscription(to: .topic(topic), options: .soon) { _ in }
            try await withCuts(of: relay, every: .milliseconds(150)) {
                await withTaskGroup(of: Void.self) { group in
                    for worker in 0..<40 {
                        group.addTask {
                            for number in 0..<100 {
                                let text = "\(worker).\(number)"
                                do throws(TransportError) {
                                    try await driver.publish(text, to: .topic(topic))
                                    outcomes.withLock { outcomes in outcomes[text] = .some(nil) }
                                } catch {
                                    outcomes.withLock { outcomes in outcomes[text] = error.code }
                                }
                            }
                        }
                    }
                }
            }
            let arrived = Locked<[String: Int]>([:])
            let total = try #require(try await broker.queue("t", in: name)).ready
            try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                var iterator = deliveries.makeAsyncIterator()
                for _ in 0..<total {
                    guard let delivery = try await iterator.next() else { break }
                    arrived.withLock { arrived in arrived[delivery.text, default: 0] += 1 }
                    try await delivery.accept()
                }
            }
            let result = outcomes.withLock { $0 }
            let counts = arrived.withLock { $0 }
            #expect(result.count == 4000)
            #expect(result.allSatisfy { $0.value == nil || $0.value == .indeterminate })
            #expect(result.filter { $0.value == nil }.allSatisfy { counts[$0.key] == 1 })
            #expect(counts.values.allSatisfy { $0 == 1 })
        }
    }

    @Test("A program that watches sees the connection come, go with the reason, come back and end; then nobody redials")
    func events() async throws {
        let broker = try await TestBroker.shared()
        try await broker.withVirtualHost { [topic] name in
            try await Relay.withRelay(to: broker.port) { relay in
                var url = broker.url(virtualHost: name)
                url.hosts[0].port = relay.port
                let driver = try DriverUnderTest(url, logger: quietLogger)
                let watching = driver.transport.events()
                async let all = watching.reduce(into: []) { $0.append($1) }
                try await withRunning(driver) {
                    try await driver.publish("x", to: .topic(topic))
                    await driver.waits { $0 == .ready }
                    relay.cut()
                    try await withTimeLimit(.seconds(20)) {
                        try await yieldsWhile { relay.accepted < 4 || driver.state != .ready }
                    }
                }
                let events = await all
                #expect(events.first == .connected)
                #expect(events.suffix(2) == [.recovered, .closed(reason: nil)])
                // Each of the two connections is lost by itself; the reason names the host.
                let losses = events.dropFirst().dropLast(2).filter { $0 != .recovered }
                #expect(!losses.isEmpty)
                for loss in losses {
                    guard case .disconnected(let reason) = loss else {
                        Issue.record("\(loss) is no loss")
                        continue
                    }
                    #expect(reason.contains("127.0.0.1:\(relay.port): "))
                }
                let accepted = relay.accepted
                try await withTimeLimit(.seconds(60)) { try await yieldsWhile { relay.open > 0 } }
                // Longer than the pause before a second attempt.
                try await Task.sleep(for: .milliseconds(300))
                #expect(relay.accepted == accepted)
            }
        }
    }

    @Test("A link that breaks after each login does not flood the broker with connections")
    func flapping() async throws {
        try await withRelayedDriver { driver, relay, _, _ in
            let begin = ContinuousClock.now
            let end = begin + .seconds(3)
            while .now < end || relay.accepted < 4 {
                if relay.open > 0 {
                    // Time for the login.
                    try await Task.sleep(for: .milliseconds(20))
                    relay.cut()
                }
                try await Task.sleep(for: .milliseconds(5))
            }
            // Two connections, whose pauses grow: without that there would be a hundred, with no pause many more.
            let most = Int(10 * (begin.duration(to: .now) / .seconds(1)).rounded(.up))
            #expect(relay.accepted <= most, "\(relay.accepted)")
        }
    }

    @Test("A driver that ends while it waits for the next attempt makes none")
    func endsInPause() async throws {
        let broker = try await TestBroker.shared()
        try await Relay.withRelay(to: broker.port) { relay in
            relay.refuse(true)
            var url = broker.url(virtualHost: "none")
            url.hosts[0].port = relay.port
            var configuration = RabbitMQConfiguration()
            configuration.firstReconnectDelay = .milliseconds(200)
            let driver = try DriverUnderTest(url, configuration: configuration, logger: quietLogger)
            let running = Task { try await driver.run() }
            await driver.waits { if case .connecting(2..., _) = $0 { true } else { false } }
            running.cancel()
            try await running.value
            await relay.hasRefusedAll()
            relay.refuse(false)
            // Longer than the pause in which it was.
            try await Task.sleep(for: .milliseconds(700))
            #expect(relay.accepted == 0)
        }
    }

    @Test("A logger that publishes with each line that the driver logs stops nothing")
    func loggingReenters() async throws {
        let driver = Locked<DriverUnderTest?>(nil)
        let published = Locked(0)
        let log = LogCollector { [topic] in
            guard let driver = driver.withLock({ $0 }) else { return }
            let sends = published.withLock { count in
                count += 1
                return count <= 100
            }
            guard sends else { return }
            _ = try? driver.transport.publish(
                Message(body: []), to: .topic(topic), deadline: .now + .seconds(5), allowsDuplicates: true
            ) { _ in }
        }
        try await withRelayedDriver(logger: log.logger) { [topic] running, relay, _, _ in
            driver.withLock { $0 = running }
            defer { driver.withLock { $0 = nil } }
            for _ in 0..<5 {
                try await running.publish(
                    Message(body: []), to: .topic(topic), options: .within(.seconds(20), allowsDuplicates: true))
                relay.cut()
            }
            try await running.publish(
                Message(body: []), to: .topic(topic), options: .within(.seconds(20), allowsDuplicates: true))
            #expect(published.withLock { $0 } >= 5)
        }
    }

    @Test("A host that is down is passed over for the next one")
    func nextHost() async throws {
        let broker = try await TestBroker.shared()
        let dead = try LoopbackPort.free(2)
        try await broker.withVirtualHost { [topic] name in
            var url = broker.url(virtualHost: name)
            url.hosts += dead.map { port in
                var host = url.hosts[0]
                host.port = port
                return host
            }
            let driver = try DriverUnderTest(url, logger: quietLogger)
            try await withRunning(driver) { try await driver.publish("x", to: .topic(topic)) }
        }
    }

    @Test("A connection that is open and dead is given up after two heartbeats, and messages flow again")
    func halfOpen() async throws {
        let options = [TransportURL.Option("heartbeat_timeout_threshold", "1")]
        try await withRelayedDriver(options: options) { [topic] driver, relay, _, _ in
            try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                let before = relay.accepted
                relay.freeze()
                try await driver.publish(
                    Message(body: Array("after".utf8)), to: .topic(topic),
                    options: .within(.seconds(30), allowsDuplicates: true))
                var iterator = deliveries.makeAsyncIterator()
                #expect(try await iterator.next()?.text == "after")
                #expect(relay.accepted >= before + 2)
            }
        }
    }

    @Test("An idle connection lives on heartbeats alone")
    func idle() async throws {
        let options = [TransportURL.Option("heartbeat_timeout_threshold", "1")]
        try await withRelayedDriver(options: options) { [topic] driver, relay, _, _ in
            try await driver.publish("x", to: .topic(topic))
            await driver.waits { $0 == .ready }
            // Three times the interval after which the broker gives up a silent client.
            try await Task.sleep(for: .seconds(6))
            #expect(relay.accepted == 2)
            #expect(driver.state == .ready)
        }
    }

    @Test("A fanout keeps its queue over a cut, and what came meanwhile is delivered")
    func stableNames() async throws {
        try await withRelayedDriver { [topic] driver, relay, broker, name in
            try await driver.withSubscription(to: .fanout(topic), options: .soon) { deliveries in
                let queues = try await broker.queues(in: name).map(\.name)
                relay.cut()
                try await driver.publish(
                    Message(body: Array("x".utf8)), to: .fanout(topic),
                    options: .within(.seconds(20), allowsDuplicates: true))
                var iterator = deliveries.makeAsyncIterator()
                #expect(try await iterator.next()?.text == "x")
                #expect(try await broker.queues(in: name).map(\.name) == queues)
            }
        }
    }

    @Test("What was not accepted before a cut comes again, and an old acceptance is not sent on the new connection")
    func redelivery() async throws {
        try await withRelayedDriver { [topic] driver, relay, _, _ in
            try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                for text in ["a", "b", "c"] { try await driver.publish(text, to: .topic(topic)) }
                var iterator = deliveries.makeAsyncIterator()
                var old: [Delivery] = []
                for _ in 0..<3 { old.append(try #require(try await iterator.next())) }
                relay.cut()
                let again = try #require(try await iterator.next())
                #expect(again.text == "a")
                #expect(again.isRedelivered)
                // On the new channel these tags are others' deliveries.
                for delivery in old { try await delivery.accept() }
                try await again.accept()
                for text in ["b", "c"] {
                    let delivery = try #require(try await iterator.next())
                    #expect(delivery.text == text)
                    try await delivery.accept()
                }
                try await driver.publish("end", to: .topic(topic))
                let end = try #require(try await iterator.next())
                #expect(end.text == "end")
                try await end.accept()
            }
        }
    }

    @Test("A broker that stops and starts gets its subscriptions back")
    func restart() async throws {
        try await TestBroker.withBroker { [topic] broker in
            try await broker.addVirtualHost("x")
            let driver = try DriverUnderTest(
                broker.url(virtualHost: "x"), configuration: .durable, logger: quietLogger)
            try await withRunning(driver) {
                try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                    var iterator = deliveries.makeAsyncIterator()
                    try await broker.restart()
                    try await driver.publish(
                        Message(body: Array("after".utf8)), to: .topic(topic),
                        options: .within(.seconds(60), mandatory: true, allowsDuplicates: true))
                    #expect(try await iterator.next()?.text == "after")
                }
            }
        }
    }
}
#endif
