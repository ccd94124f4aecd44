#if RabbitMQ
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

@Suite("Subscriptions and declarations that something happens to", .serialized, .timeLimit(.minutes(3)))
struct RestoringTests {
    private let topic = Topic("t", exchange: "e")

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

    @Test("A subscription whose queue was replaced while it was away takes the one that is there; the others come back")
    func partialRecovery() async throws {
        let log = LogCollector()
        try await withRelayedDriver(logger: log.logger) { [topic] driver, relay, broker, name in
            let other = Topic("other", exchange: "e")
            try await driver.withSubscription(to: .topic(other), options: .soon) { lost in
                try await driver.withSubscription(to: .topic(topic), options: .soon) { kept in
                    let foreign = try DriverUnderTest(
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
                    await driver.waits { $0 == .ready }
                    try await driver.publish("y", to: .topic(other))
                    var iterator = lost.makeAsyncIterator()
                    #expect(try await iterator.next()?.text == "y")
                    #expect(
                        log.lines.contains { $0.contains("uses what is there") && $0.contains("rabbit_quorum_queue") })
                    try await driver.publish("x", to: .topic(topic))
                    var others = kept.makeAsyncIterator()
                    #expect(try await others.next()?.text == "x")
                }
            }
        }
    }

    @Test("A subscription whose handler takes longer than the broker's consumer_timeout gets another channel")
    func consumerTimeout() async throws {
        let log = LogCollector()
        try await TestBroker.withBroker { [topic] broker in
            let version = try await broker.version()
            try await broker.addVirtualHost("x")
            _ = try await broker.evaluate(
                "[application:set_env(rabbit, K, V) || {K, V} <- [{consumer_timeout, 500}, {channel_tick_interval, 100}]], []."
            )
            var url = broker.url(virtualHost: "x")
            // Since 4.3 only quorum queues have it, and cancel the consumer instead of closing its channel.
            url.options = [.init("rabbit_quorum_queue", "true")]
            let driver = try DriverUnderTest(url, logger: log.logger)
            try await withRunning(driver) {
                try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                    try await driver.publish("slow", to: .topic(topic))
                    var iterator = deliveries.makeAsyncIterator()
                    let first = try #require(try await iterator.next())
                    // Not settled in time: the message comes again.
                    let again = try #require(try await iterator.next())
                    #expect(again.text == "slow")
                    #expect(again.isRedelivered)
                    let warning = log.lines.first { $0.hasPrefix("warning Subscription begins anew") }
                    #expect(warning?.contains(version < [4, 3] ? "406" : "cancelled the consumer") == true)
                    try await again.accept()
                    try await first.accept()
                    try await driver.publish("next", to: .topic(topic))
                    #expect(try await iterator.next()?.text == "next")
                }
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
                                options: .within(.seconds(120), allowsDuplicates: true))
                            if worker == 0, number % 20 == 10 { try await broker.deleteExchange("e", in: name) }
                        }
                    }
                }
                try await group.waitForAll()
            }
            let queue = try #require(try await broker.queue("t", in: name))
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
            let driver = try DriverUnderTest(
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

    @Test("What ended while the connection was down does not come back with it")
    func endedMeanwhile() async throws {
        try await withRelayedDriver { [topic] driver, relay, broker, name in
            let other = Topic("other", exchange: "e")
            try await driver.withSubscription(to: .topic(topic), options: .soon) { _ in
                try await driver.withSubscription(to: .topic(other), options: .soon) { _ in
                    relay.refuse(true)
                    relay.cut()
                    await driver.waits { if case .connecting = $0 { true } else { false } }
                }
                relay.refuse(false)
                try await driver.publish("x", to: .topic(topic))
                await driver.waits { $0 == .ready }
                try await withTimeLimit(.seconds(20)) {
                    try await yieldsWhile { try await broker.queue("t", in: name)?.consumers != 1 }
                }
                #expect(try await broker.queue("other", in: name)?.consumers == 0)
            }
        }
    }
}
#endif
