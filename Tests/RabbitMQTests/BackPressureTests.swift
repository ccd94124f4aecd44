#if RabbitMQ
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

@Suite("Brokers and programs that do not keep up", .serialized, .timeLimit(.minutes(6)))
struct BackPressureTests {
    private let topic = Topic("t", exchange: "e")

    @Test("A full broker blocks publishers, who get exhausted at their deadline; consumers go on")
    func blocked() async throws {
        try await TestBroker.withBroker { [topic] broker in
            try await broker.addVirtualHost("x")
            let driver = try DriverUnderTest(broker.url(virtualHost: "x"), logger: quietLogger)
            try await withRunning(driver) {
                try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                    try await driver.publish("before", to: .topic(topic))
                    try await broker.setMemoryAlarm(true)
                    await driver.publishUntilBlocked(topic)
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
            let blocked = try DriverUnderTest(broker.url(virtualHost: "x"), logger: quietLogger)
            _ = try await withTimeLimit(.seconds(30)) {
                try await withRunning(blocked) {
                    try await blocked.publish("x", to: .topic(topic))
                    try await broker.setMemoryAlarm(true)
                    await blocked.publishUntilBlocked(topic)
                    let publishing = Task {
                        await #expect(throws: TransportError.self) {
                            try await blocked.publish(
                                Message(body: []), to: .topic(topic),
                                options: .within(.seconds(600), allowsDuplicates: true))
                        }
                    }
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
            // A busy broker may not have answered by a deadline that is near.
            var atDeadline: TransportError?
            for time in [Duration.milliseconds(300), .seconds(3), .seconds(20)] where atDeadline?.code != .exhausted {
                atDeadline = await #expect(throws: TransportError.self) {
                    try await driver.publish(
                        Message(body: [1]), to: .topic(topic), options: .within(time, allowsDuplicates: true))
                }
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
                let driver = try DriverUnderTest(broker.url(virtualHost: "x"), logger: quietLogger)
                let healthy = try DriverUnderTest(other.url(virtualHost: name), logger: quietLogger)
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
                                    Message(body: []), to: .topic(topic), options: .within(.seconds(60)))
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

    @Test("A subscription that nobody reads holds up nobody else, and takes no more than its prefetch")
    func unread() async throws {
        try await withDriver { [topic] driver, broker, name in
            let other = Topic("other", exchange: "e")
            try await driver.withSubscription(
                to: .topic(other), options: SubscriptionOptions(prefetch: 5, deadline: .now + .seconds(20))
            ) { unread in
                try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                    var iterator = deliveries.makeAsyncIterator()
                    for number in 0..<50 {
                        try await driver.publish("unread", to: .topic(other))
                        try await driver.publish("\(number)", to: .topic(topic))
                        let delivery = try #require(try await iterator.next())
                        #expect(delivery.text == "\(number)")
                        try await delivery.accept()
                    }
                    let queue = try #require(try await broker.queue("other", in: name))
                    #expect(queue.unacknowledged == 5)
                    #expect(queue.ready == 45)
                }
                withExtendedLifetime(unread) {}
            }
        }
    }

    @Test("Over the bound of those that wait, a publish fails at once")
    func tooMany() async throws {
        var limits = TransportConfiguration()
        limits.maximumWaitingPublishes = 2
        let driver = try DriverUnderTest(
            TransportURL("rabbit://127.0.0.1:1"), transport: limits, logger: quietLogger)
        await withTaskGroup(of: TransportError.Code?.self) { [topic] group in
            for _ in 0..<3 {
                group.addTask {
                    do throws(TransportError) {
                        try await driver.publish("x", to: .topic(topic))
                        return nil
                    } catch {
                        return error.code
                    }
                }
            }
            // Two wait for a connection that nobody makes; the third does not.
            #expect(await group.next() == .exhausted)
            group.cancelAll()
            for await code in group { #expect(code == .cancelled) }
        }
    }
}
extension DriverUnderTest {
    /// The broker tells a connection of its alarm when that publishes, and what it takes before it has heard of the alarm
    /// itself it confirms.
    fileprivate func publishUntilBlocked(_ topic: Topic) async {
        let end = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < end {
            if case .blocked = state { return }
            try? await publish(
                Message(body: Array("on the brink".utf8)), to: .topic(topic), options: .within(.milliseconds(100)))
        }
        Issue.record("The broker took messages for 30 s in spite of its alarm.")
    }
}
#endif
