#if RabbitMQ
import Logging
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

/// The connection lives, its heartbeats come and go, and one answer does not come.
@Suite("A broker that does not answer", .serialized, .timeLimit(.minutes(10)))
struct SilentBrokerTests {
    private let topic = Topic("t", exchange: "e")

    /// With a short patience, and longer than a busy broker takes to answer.
    private var configuration: RabbitMQConfiguration {
        var configuration = RabbitMQConfiguration.takenEverywhere
        configuration.answerTimeout = .seconds(2)
        return configuration
    }

    @Test("A consume that is not answered, at first or after a loss, is sent again elsewhere", arguments: [1, 2])
    func consume(silences: Int) async throws {
        try await withRelayedDriver(configuration: configuration) { [topic] driver, relay, _, _ in
            relay.lose(silences, of: .consumeOK)
            // Without a deadline, as servers and listeners subscribe.
            try await driver.withSubscription(to: .topic(topic), options: SubscriptionOptions()) { deliveries in
                #expect(relay.left(of: .consumeOK) == 0)
                relay.lose(silences, of: .consumeOK)
                relay.cut()
                try await withTimeLimit(.seconds(60)) {
                    try await yieldsWhile { relay.left(of: .consumeOK) > 0 }
                }
                // All is connected, and the subscription is not live.
                #expect(driver.state != .ready)
                await driver.waits { $0 == .ready }
                #expect(relay.accepted == 4)
                try await driver.publish("x", to: .topic(topic))
                let text = try await withTimeLimit(.seconds(60)) {
                    var iterator = deliveries.makeAsyncIterator()
                    return try await iterator.next()?.text
                }
                #expect(text == "x")
            }
        }
    }

    @Test("A declaration that is not answered is made again, and what waits behind it goes on", arguments: [1, 3])
    func declare(silences: Int) async throws {
        try await withRelayedDriver(configuration: configuration) { [topic] driver, relay, _, _ in
            try await driver.publish("x", to: .topic(topic))
            relay.lose(silences, of: .exchangeDeclareOK)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for exchange in ["a", "b", "c"] {
                    group.addTask { try await driver.publish("x", to: .topic(Topic("t", exchange: exchange))) }
                }
                try await group.waitForAll()
            }
            #expect(relay.left(of: .exchangeDeclareOK) == 0)
            // On the same connections.
            #expect(relay.accepted == 2)
        }
    }

    @Test(
        "A connection whose channels do not open is given up for another one",
        arguments: [(Relay.Method.confirmSelectOK, 1), (.channelOpenOK, 2)])
    func channels(method: Relay.Method, count: Int) async throws {
        try await withRelayedDriver(configuration: configuration) { [topic] driver, relay, _, _ in
            relay.lose(count, of: method)
            try await driver.publish("x", to: .topic(topic))
            #expect(relay.accepted >= 3)
        }
    }

    @Test("A declaration that is never answered costs eight channels and then the connection, until it is given up")
    func neverAnswered() async throws {
        var configuration = configuration
        configuration.answerTimeout = .milliseconds(50)
        try await withRelayedDriver(configuration: configuration) { [topic] driver, relay, _, _ in
            relay.lose(.max, of: .exchangeDeclareOK)
            let error = await #expect(throws: TransportError.self) {
                try await driver.publish(Message(body: []), to: .topic(topic), options: .within(.seconds(5)))
            }
            #expect(error?.code == .unavailable)
            #expect(relay.accepted >= 3)
            relay.lose(0, of: .exchangeDeclareOK)
            try await driver.publish("x", to: .topic(topic))
        }
    }

    @Test("Publishes that are never confirmed take room in the window until their deadline, and no longer")
    func unconfirmed() async throws {
        var configuration = configuration
        configuration.maximumUnconfirmed = 4
        try await withRelayedDriver(configuration: configuration) { [topic] driver, relay, _, _ in
            try await driver.publish("x", to: .topic(topic))
            relay.lose(.max, of: .basicAck)
            // Each round fills the window, and finds room in it.
            for _ in 0..<3 {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<4 {
                        group.addTask {
                            let error = await #expect(throws: TransportError.self) {
                                try await driver.publish(
                                    Message(body: []), to: .topic(topic), options: .within(.milliseconds(200)))
                            }
                            #expect(error?.code == .indeterminate)
                        }
                    }
                    try await group.waitForAll()
                }
            }
            // Its confirm may be for those before it too.
            relay.lose(0, of: .basicAck)
            try await driver.publish("x", to: .topic(topic))
            // On the same connections.
            #expect(relay.accepted == 2)
        }
    }

    @Test("A host that takes connections and says nothing is passed over for the next one", arguments: 0..<4)
    func silentHost(_ round: Int) async throws {
        var configuration = configuration
        configuration.connectTimeout = .milliseconds(300)
        let broker = try await TestBroker.shared()
        try await broker.withVirtualHost { [topic, configuration] name in
            try await Relay.withRelay(to: broker.port) { relay in
                relay.freezeComing(true)
                var url = broker.url(virtualHost: name)
                var silent = url.hosts[0]
                silent.port = relay.port
                url.hosts.append(silent)
                let driver = try DriverUnderTest(url, configuration: configuration, logger: quietLogger)
                try await withRunning(driver) {
                    try await driver.publish(Message(body: []), to: .topic(topic), options: .within(.seconds(60)))
                }
            }
        }
    }

    @Test("A subscription that cannot be restored for now says why, in the state and once in the log")
    func reason() async throws {
        let log = LogCollector()
        try await withRelayedDriver(logger: log.logger) { [topic] driver, relay, broker, name in
            try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                relay.refuse(true)
                relay.cut()
                try await broker.deleteQueue("t", in: name)
                try await broker.holdQueue("t", in: name)
                relay.refuse(false)
                let isTold: @Sendable (TransportState) -> Bool = { state in
                    if case .connecting(_, let reason?) = state {
                        reason.contains("405 RESOURCE_LOCKED")
                    } else {
                        false
                    }
                }
                try await withTimeLimit(.seconds(60)) { await driver.waits(for: isTold) }
                // Some more attempts.
                try await Task.sleep(for: .milliseconds(500))
                // Not the number alone, which a port may have in it too.
                let said = log.lines.filter { $0.contains("405 RESOURCE_LOCKED") }
                #expect(said.count == 1, "\(said)")
                try await broker.releaseQueue()
                await driver.waits { $0 == .ready }
                try await driver.publish("x", to: .topic(topic))
                var iterator = deliveries.makeAsyncIterator()
                #expect(try await iterator.next()?.text == "x")
            }
        }
    }

    @Test("Ending a subscription on a connection that hangs waits for no answer")
    func ending() async throws {
        try await withRelayedDriver { [topic] driver, relay, _, _ in
            let begin = ContinuousClock.now
            try await driver.withSubscription(to: .topic(topic), options: .soon) { _ in relay.freeze() }
            #expect(begin.duration(to: .now) < .seconds(40))
            relay.cut()
        }
    }

    @Test("Ending a driver whose connections hang, with a message that is not confirmed, waits for no answer")
    func endingDriver() async throws {
        let broker = try await TestBroker.shared()
        try await broker.withVirtualHost { [topic] name in
            try await Relay.withRelay(to: broker.port) { relay in
                var url = broker.url(virtualHost: name)
                url.hosts[0].port = relay.port
                let driver = try DriverUnderTest(url, logger: quietLogger)
                let running = Task { try await driver.run() }
                try await driver.publish("x", to: .topic(topic))
                relay.freeze()
                async let code = { () async -> TransportError.Code? in
                    do throws(TransportError) {
                        try await driver.publish("y", to: .topic(topic))
                        return nil
                    } catch {
                        return error.code
                    }
                }()
                // Time to write it: nothing tells that it is on its way.
                try await Task.sleep(for: .seconds(1))
                let begin = ContinuousClock.now
                running.cancel()
                try await running.value
                #expect(begin.duration(to: .now) < .seconds(40))
                #expect(await code == .indeterminate)
            }
        }
    }

    @Test("While the window is full, a publish is exhausted at its deadline, and says that it waited behind others")
    func fullWindow() async throws {
        var configuration = configuration
        configuration.maximumUnconfirmed = 1
        try await withRelayedDriver(configuration: configuration) { [topic] driver, relay, _, _ in
            try await driver.publish("x", to: .topic(topic))
            relay.freeze()
            let first = Task {
                try await driver.publish(Message(body: []), to: .topic(topic), options: .within(.seconds(60)))
            }
            // Time to write it: nothing tells that it is on its way.
            try await Task.sleep(for: .seconds(1))
            let error = await #expect(throws: TransportError.self) {
                try await driver.publish(Message(body: []), to: .topic(topic), options: .within(.milliseconds(300)))
            }
            #expect(error?.code == .exhausted)
            #expect(error?.message.contains("behind other messages") == true)
            relay.cut()
            // Written and not confirmed.
            await #expect(throws: TransportError.self) { try await first.value }
        }
    }
}

extension Relay.Method {
    fileprivate static let channelOpenOK = Relay.Method(classID: 20, id: 11)
    fileprivate static let exchangeDeclareOK = Relay.Method(classID: 40, id: 11)
    fileprivate static let consumeOK = Relay.Method(classID: 60, id: 21)
    fileprivate static let basicAck = Relay.Method(classID: 60, id: 80)
    fileprivate static let confirmSelectOK = Relay.Method(classID: 85, id: 11)
}

extension TestBroker {
    /// Declares a queue that is exclusive to a connection of somebody else's.
    fileprivate func holdQueue(_ queue: String, in virtualHost: String) async throws {
        _ = try await evaluate(
            """
            P = spawn(fun() -> receive stop -> ok end end), register(queue_holder, P),
            rabbit_amqqueue:declare(rabbit_misc:r(<<"\(virtualHost)">>, queue, <<"\(queue)">>), false, false, [], P,
                <<"test">>), [].
            """)
    }

    /// Ends that connection, and with it the queue.
    fileprivate func releaseQueue() async throws {
        _ = try await evaluate("queue_holder ! stop, [].")
    }
}
#endif
