#if RabbitMQ
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

@Suite("The RabbitMQ driver before, without and after its connections", .serialized, .timeLimit(.minutes(2)))
struct DriverLifeTests {
    private let topic = Topic("t", exchange: "e")

    @Test("Publishes and subscriptions before run wait for the connection")
    func beforeRun() async throws {
        let broker = try await TestBroker.shared()
        try await broker.withVirtualHost { [topic] name in
            let driver = try DriverUnderTest(broker.url(virtualHost: name), logger: quietLogger)
            let notifications = Address.notifications(topic)
            async let taken = driver.withSubscription(to: notifications, options: .soon) { deliveries in
                var iterator = deliveries.makeAsyncIterator()
                let delivery = try await iterator.next()
                try await delivery?.accept()
                return delivery?.text
            }
            async let published: Void = driver.publish("early", to: notifications)
            #expect(driver.state == .idle)
            let running = Task { try await driver.run() }
            try await published
            #expect(try await taken == "early")
            running.cancel()
            try await running.value
        }
    }

    @Test("A cancelled publish that waits ends at once, unsent")
    func cancelled() async throws {
        let driver = try DriverUnderTest(TransportURL("rabbit://127.0.0.1:1"), logger: quietLogger)
        let task = Task { [topic] in
            await #expect(throws: TransportError.self) { try await driver.publish("x", to: .topic(topic)) }
        }
        task.cancel()
        #expect(await task.value?.code == .cancelled)
    }

    @Test("Without a connection a publish is unavailable at its deadline, and so is a subscription")
    func deadline() async throws {
        let driver = try DriverUnderTest(TransportURL("rabbit://u:c4nary@127.0.0.1:1"), logger: quietLogger)
        try await withRunning(driver) { [topic] in
            await driver.waits { if case .connecting(_, .some) = $0 { true } else { false } }
            let start = ContinuousClock.now
            let published = await #expect(throws: TransportError.self) {
                try await driver.publish(Message(body: []), to: .topic(topic), options: .within(.milliseconds(300)))
            }
            let subscribed = await #expect(throws: TransportError.self) {
                try await driver.withSubscription(
                    to: .topic(topic), options: SubscriptionOptions(deadline: .now + .milliseconds(300))
                ) { _ in }
            }
            #expect(ContinuousClock.now - start < .seconds(60))
            for error in [published, subscribed] {
                #expect(error?.code == .unavailable)
                #expect(error?.message.contains("127.0.0.1:1: Connection refused") == true)
                #expect(error?.message.contains("c4nary") == false)
            }
        }
    }

    @Test("After the end everything fails with the reason of the end")
    func ended() async throws {
        let broker = try await TestBroker.shared()
        try await broker.withVirtualHost { [topic] name in
            let driver = try DriverUnderTest(
                broker.url(virtualHost: name, password: "c4nary"), logger: quietLogger)
            async let waiting = #expect(throws: TransportError.self) {
                try await driver.publish("x", to: .topic(topic))
            }
            async let subscribing = #expect(throws: TransportError.self) {
                try await driver.withSubscription(to: .topic(topic), options: SubscriptionOptions()) { _ in }
            }
            let error = await #expect(throws: TransportError.self) { try await driver.run() }
            #expect(error?.code == .refused)
            let parts = ["127.0.0.1:\(broker.port)", "switchboard@", name, "ACCESS_REFUSED"]
            #expect(parts.allSatisfy { error?.message.contains($0) == true })
            #expect(error?.message.contains("c4nary") == false)
            #expect(await waiting?.code == .refused)
            #expect(await subscribing?.code == .refused)
            let later = await #expect(throws: TransportError.self) { try await driver.publish("x", to: .topic(topic)) }
            #expect(later?.code == .refused)
            guard case .closed(let reason?) = driver.state else {
                Issue.record("not closed")
                return
            }
            #expect(reason.contains("ACCESS_REFUSED"))
        }
    }

    @Test("Shutting down says goodbye: the broker sees both connections go, and waiters hear of it")
    func shutdown() async throws {
        let broker = try await TestBroker.shared()
        try await broker.withVirtualHost { [topic] name in
            let driver = try DriverUnderTest(broker.url(virtualHost: name), logger: quietLogger)
            try await withRunning(driver) {
                try await driver.publish("x", to: .topic(topic))
                await driver.waits { $0 == .ready }
                #expect(try await broker.connections(in: name).count == 2)
            }
            // The broker's list follows its connections' ends.
            try await withTimeLimit(.seconds(60)) {
                try await yieldsWhile { try await !broker.connections(in: name).isEmpty }
            }
            #expect(driver.state == .closed(reason: nil))
            let error = await #expect(throws: TransportError.self) { try await driver.publish("x", to: .topic(topic)) }
            #expect(error?.code == .closed)
        }
    }
}
#endif
