#if RabbitMQ
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

@Suite("Losses and recovery", .serialized, .timeLimit(.minutes(3)))
struct RecoveryTests {
    private let topic = Topic("t", exchange: "e")

    /// A driver whose connections go through a relay.
    private func withRelayedDriver(
        options: [TransportURL.Option] = [],
        _ body: @escaping @Sendable (RabbitMQDriver, Relay, TestBroker, String) async throws -> Void
    ) async throws {
        let broker = try await TestBroker.shared()
        try await broker.withVirtualHost { name in
            try await Relay.withRelay(to: broker.port) { relay in
                var url = broker.url(virtualHost: name)
                url.hosts[0].port = relay.port
                url.options = options
                let driver = try RabbitMQDriver(url, logger: quietLogger)
                try await withRunning(driver) { try await body(driver, relay, broker, name) }
            }
        }
    }

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
                let driver = try RabbitMQDriver(url, logger: quietLogger)
                let watching = driver.monitor.events()
                async let all = watching.reduce(into: []) { $0.append($1) }
                try await withRunning(driver) {
                    try await driver.publish("x", to: .topic(topic))
                    await driver.waits { $0 == .ready }
                    let events = driver.monitor.events()
                    relay.cut()
                    for await event in events where event == .recovered { break }
                }
                let events = await all
                #expect(events.first == .connected)
                #expect(events.suffix(2) == [.recovered, .closed(reason: nil)])
                // Once for each of the two connections, or once for both; the reason names the host.
                let losses = events.dropFirst().dropLast(2)
                #expect(!losses.isEmpty)
                for loss in losses {
                    guard case .disconnected(let reason) = loss else {
                        Issue.record("\(loss) is no loss")
                        continue
                    }
                    #expect(reason.contains("127.0.0.1:\(relay.port): "))
                }
                let accepted = relay.accepted
                try await withTimeLimit(.seconds(10)) { while relay.open > 0 { await Task.yield() } }
                #expect(relay.accepted == accepted)
            }
        }
    }

    @Test("A subscription is live after the broker's consume-ok and not before")
    func unanswered() async throws {
        try await withRelayedDriver { [topic] driver, relay, _, _ in
            try await driver.withSubscription(to: .topic(topic), options: .soon) { _ in }
            relay.freeze()
            let error = await #expect(throws: TransportError.self) {
                try await driver.withSubscription(
                    to: .topic(topic), options: SubscriptionOptions(deadline: .now + .milliseconds(300))
                ) { _ in Issue.record("It cannot be live") }
            }
            #expect(error?.code == .unavailable)
            relay.cut()
        }
    }

    @Test("A subscription that cannot be restored ends with the reason; the others come back")
    func partialRecovery() async throws {
        try await withRelayedDriver { [topic] driver, relay, broker, name in
            let other = Topic("other", exchange: "e")
            try await driver.withSubscription(to: .topic(other), options: .soon) { lost in
                try await driver.withSubscription(to: .topic(topic), options: .soon) { kept in
                    let foreign = try RabbitMQDriver(
                        broker.url(virtualHost: name), configuration: .quorum, logger: quietLogger)
                    relay.refuse(true)
                    relay.cut()
                    try await broker.deleteQueue("other", in: name)
                    try await withRunning(foreign) {
                        try await foreign.withSubscription(
                            to: .topic(Topic("other", exchange: "f")), options: .soon
                        ) { _ in }
                    }
                    relay.refuse(false)
                    var iterator = lost.makeAsyncIterator()
                    let error = await #expect(throws: TransportError.self) { try await iterator.next() }
                    #expect(error?.code == .conflict)
                    #expect(error?.message.contains("inequivalent arg") == true)
                    try await driver.publish("x", to: .topic(topic))
                    var others = kept.makeAsyncIterator()
                    #expect(try await others.next()?.text == "x")
                }
            }
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
            let driver = try RabbitMQDriver(url, logger: quietLogger)
            try await withRunning(driver) { try await driver.publish("x", to: .topic(topic)) }
        }
    }

    @Test("A subscription whose handler takes longer than the broker's consumer_timeout gets another channel")
    func consumerTimeout() async throws {
        try await TestBroker.withBroker { [topic] broker in
            try await broker.addVirtualHost("x")
            _ = try await broker.evaluate(
                "[application:set_env(rabbit, K, V) || {K, V} <- [{consumer_timeout, 500}, {channel_tick_interval, 100}]], []."
            )
            let driver = try RabbitMQDriver(broker.url(virtualHost: "x"), logger: quietLogger)
            try await withRunning(driver) {
                try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                    try await driver.publish("slow", to: .topic(topic))
                    var iterator = deliveries.makeAsyncIterator()
                    let first = try #require(try await iterator.next())
                    // Not settled in time: the broker closes the channel with 406, and the message comes again.
                    let again = try #require(try await iterator.next())
                    #expect(again.text == "slow")
                    #expect(again.isRedelivered)
                    try await again.accept()
                    try await first.accept()
                    try await driver.publish("next", to: .topic(topic))
                    #expect(try await iterator.next()?.text == "next")
                }
            }
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
            #expect(driver.monitor.state == .ready)
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

    @Test("A queue that is deleted under its consumer is declared again and consumed from")
    func cancelledConsumer() async throws {
        try await withDriver { [topic] driver, broker, name in
            try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                try await broker.deleteQueue("t", in: name)
                await driver.waits { $0 == .ready }
                try await withTimeLimit(.seconds(20)) {
                    while true {
                        do throws(TransportError) {
                            return try await driver.publish("x", to: .topic(topic), mandatory: true)
                        } catch  where error.code == .unroutable {
                            await Task.yield()
                        }
                    }
                }
                var iterator = deliveries.makeAsyncIterator()
                #expect(try await iterator.next()?.text == "x")
            }
        }
    }

    @Test("An exchange that is deleted under its publishers is declared again, and nothing is lost")
    func deletedExchange() async throws {
        try await withDriver { [topic] driver, broker, name in
            let count = 3000
            try await driver.withSubscription(to: .notifications(topic), options: .soon) { _ in }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<30 {
                    group.addTask {
                        for number in 0..<count / 30 {
                            try await driver.publish(
                                Message(body: Array("\(worker).\(number)".utf8)), to: .notifications(topic),
                                options: .within(.seconds(30), allowsDuplicates: true))
                            if worker == 0, number % 20 == 10 { try await broker.deleteExchange("e", in: name) }
                        }
                    }
                }
                try await group.waitForAll()
            }
            let queue = try #require(try await broker.queue("t", in: name))
            // Between the exchange's deletion and its next declaration nobody can publish to it, so all are there.
            #expect(queue.ready >= count)
        }
    }

    @Test("A refused write to one exchange fails that message alone")
    func refusedWrite() async throws {
        let broker = try await TestBroker.shared()
        try await broker.withVirtualHost { name in
            let user = "u-\(name)"
            try await broker.addUser(user, password: "pw")
            try await broker.setPermissions(of: user, in: name, configure: ".*", write: "^(e|t)$", read: ".*")
            let driver = try RabbitMQDriver(
                broker.url(virtualHost: name, username: user, password: "pw"), logger: quietLogger)
            try await withRunning(driver) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<100 {
                        group.addTask {
                            let exchange = number == 50 ? "other" : "e"
                            do throws(TransportError) {
                                try await driver.publish(
                                    Message(body: []), to: .topic(Topic("t", exchange: exchange)),
                                    options: .within(.seconds(20), allowsDuplicates: true))
                                #expect(number != 50)
                            } catch {
                                #expect(number == 50)
                                #expect(error.code == .refused)
                                #expect(error.message.contains("other"))
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
            try await broker.deleteUser(user)
        }
    }

    @Test("A broker that stops and starts gets its subscriptions back")
    func restart() async throws {
        try await TestBroker.withBroker { [topic] broker in
            try await broker.addVirtualHost("x")
            let driver = try RabbitMQDriver(
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

    @Test("A full broker blocks publishers, who get exhausted at their deadline; consumers go on")
    func blocked() async throws {
        try await TestBroker.withBroker { [topic] broker in
            try await broker.addVirtualHost("x")
            let driver = try RabbitMQDriver(broker.url(virtualHost: "x"), logger: quietLogger)
            try await withRunning(driver) {
                try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                    try await driver.publish("before", to: .topic(topic))
                    try await broker.setMemoryAlarm(true)
                    // The broker tells a connection when it publishes.
                    try? await driver.publish(
                        Message(body: Array("on the brink".utf8)), to: .topic(topic), options: .within(.seconds(10)))
                    await driver.waits { if case .blocked = $0 { true } else { false } }
                    let error = await #expect(throws: TransportError.self) {
                        try await driver.publish(
                            Message(body: []), to: .topic(topic), options: .within(.milliseconds(300)))
                    }
                    #expect(error?.code == .exhausted)
                    #expect(error?.message.contains("memory") == true)
                    var iterator = deliveries.makeAsyncIterator()
                    let delivery = try #require(try await iterator.next())
                    #expect(delivery.text == "before")
                    try await delivery.accept()
                    try await broker.setMemoryAlarm(false)
                    try await driver.publish("after", to: .topic(topic))
                    await driver.waits { $0 == .ready }
                }
            }
            // Closing does not wait for the alarm to end.
            let blocked = try RabbitMQDriver(broker.url(virtualHost: "x"), logger: quietLogger)
            _ = try await withTimeLimit(.seconds(30)) {
                try await withRunning(blocked) {
                    try await blocked.publish("x", to: .topic(topic))
                    try await broker.setMemoryAlarm(true)
                    let publishing = Task {
                        await #expect(throws: TransportError.self) {
                            try await blocked.publish(
                                Message(body: []), to: .topic(topic), options: .within(.seconds(600)))
                        }
                    }
                    await blocked.waits { if case .blocked = $0 { true } else { false } }
                    return publishing
                }
            }.value
        }
    }

    @Test("A message that the broker refuses is exhausted; with leave to send twice it waits for room")
    func refused() async throws {
        try await withDriver { [topic] driver, broker, name in
            try await broker.limitQueues(to: 1, in: name)
            try await driver.withSubscription(to: .topic(topic), options: .soon) { _ in }
            try await driver.publish("first", to: .topic(topic))
            let atOnce = await #expect(throws: TransportError.self) {
                try await driver.publish("second", to: .topic(topic))
            }
            let atDeadline = await #expect(throws: TransportError.self) {
                try await driver.publish(
                    Message(body: [1]), to: .topic(topic), options: .within(.milliseconds(300), allowsDuplicates: true))
            }
            for error in [atOnce, atDeadline] {
                #expect(error?.code == .exhausted)
                #expect(error?.message.contains("basic.nack") == true)
            }
            async let waiting: Void = driver.publish(
                Message(body: Array("third".utf8)), to: .topic(topic),
                options: .within(.seconds(30), allowsDuplicates: true))
            try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                var iterator = deliveries.makeAsyncIterator()
                for text in ["first", "third"] {
                    let delivery = try #require(try await iterator.next())
                    #expect(delivery.text == text)
                    try await delivery.accept()
                }
            }
            try await waiting
        }
    }

    @Test("A stalled broker stops nobody else, and each large message arrives once when it goes on")
    func stalled() async throws {
        let other = try await TestBroker.shared()
        try await other.withVirtualHost { [topic] name in
            try await TestBroker.withBroker { broker in
                try await broker.addVirtualHost("x")
                let driver = try RabbitMQDriver(broker.url(virtualHost: "x"), logger: quietLogger)
                let healthy = try RabbitMQDriver(other.url(virtualHost: name), logger: quietLogger)
                try await withRunning(driver) {
                    try await withRunning(healthy) {
                        try await driver.withSubscription(to: .topic(topic), options: .soon) { _ in }
                        try await healthy.publish("warm", to: .topic(topic))
                        broker.pause()
                        try await withThrowingTaskGroup(of: Void.self) { group in
                            for number in 0..<256 {
                                group.addTask {
                                    try await driver.publish(
                                        Message(body: [UInt8](repeating: UInt8(number), count: 64 * 1024)),
                                        to: .topic(topic), options: .within(.seconds(60)))
                                }
                            }
                            for _ in 0..<200 {
                                try await healthy.publish(
                                    Message(body: []), to: .topic(topic), options: .within(.seconds(5)))
                            }
                            broker.resume()
                            try await group.waitForAll()
                        }
                        #expect(try await broker.queue("t", in: "x")?.ready == 256)
                    }
                }
            }
        }
    }
}

/// Runs `body`, and fails when it takes longer.
func withTimeLimit<Result: Sendable>(
    _ limit: Duration, _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            throw TransportError(.internalError, "A test waited longer than \(limit).")
        }
        defer { group.cancelAll() }
        return try await group.next()!
    }
}

extension RabbitMQConfiguration {
    fileprivate static var quorum: RabbitMQConfiguration {
        var configuration = RabbitMQConfiguration()
        configuration.topology.quorumQueues = true
        return configuration
    }
}

extension TestBroker {
    /// Queues of a virtual host hold so many messages and refuse more.
    func limitQueues(to count: Int, in virtualHost: String) async throws {
        _ = try await evaluate(
            """
            ok = rabbit_policy:parse_set(<<"\(virtualHost)">>, <<"short">>, <<".*">>,
                <<"{\\"max-length\\": \(count), \\"overflow\\": \\"reject-publish\\"}">>, <<"0">>, <<"queues">>, <<"test">>),
            [].
            """)
    }

    func deleteQueue(_ name: String, in virtualHost: String) async throws {
        _ = try await evaluate(
            """
            {ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"\(virtualHost)">>, queue, <<"\(name)">>)),
            rabbit_amqqueue:delete(Q, false, false, <<"test">>), [].
            """)
    }

    func deleteExchange(_ name: String, in virtualHost: String) async throws {
        _ = try await evaluate(
            """
            rabbit_exchange:delete(rabbit_misc:r(<<"\(virtualHost)">>, exchange, <<"\(name)">>), false, <<"test">>), [].
            """)
    }
}
#endif
