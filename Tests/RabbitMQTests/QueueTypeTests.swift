#if RabbitMQ
import Foundation
import InMemoryLogging
import Logging
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

@Suite("Types of queues, on a real broker", .serialized, .timeLimit(.minutes(2)))
struct QueueTypeTests {
    private let topic = Topic("t", exchange: "e")

    private func take(_ count: Int, of deliveries: Deliveries) async throws -> [String] {
        var iterator = deliveries.makeAsyncIterator()
        var texts: [String] = []
        while texts.count < count, let delivery = try await iterator.next() {
            texts.append(delivery.text)
            try await delivery.accept()
        }
        return texts
    }

    @Test("Quorum queues take, count deliveries and give back")
    func quorum() async throws {
        let options: [TransportURL.Option] = [
            .init("rabbit_quorum_queue", "true"), .init("rabbit_transient_quorum_queue", "true"),
            .init("rabbit_quorum_delivery_limit", "5"),
        ]
        try await withDriver(options: options) { [topic] driver, broker, name in
            #expect(driver.capabilities.contains(.durable))
            try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                try await driver.publish("a", to: .topic(topic), mandatory: true)
                var iterator = deliveries.makeAsyncIterator()
                let first = try #require(try await iterator.next())
                try await first.requeue()
                let second = try #require(try await iterator.next())
                #expect(second.attempt == 2)
                #expect(second.isRedelivered)
                try await second.accept()
            }
            try await driver.withSubscription(to: .fanout(topic), options: .soon) { deliveries in
                try await driver.publish("b", to: .fanout(topic))
                #expect(try await take(1, of: deliveries) == ["b"])
            }
            let queue = try #require(try await broker.queue("t", in: name))
            #expect(queue.arguments["x-queue-type"] == "quorum")
            #expect(queue.arguments["x-delivery-limit"] == "5")
        }
    }

    @Test("The last delivery that a quorum queue makes of a message is logged")
    func lastDelivery() async throws {
        let options: [TransportURL.Option] = [
            .init("rabbit_quorum_queue", "true"), .init("rabbit_quorum_delivery_limit", "2"),
        ]
        let log = InMemoryLogHandler()
        let logger = Logger(label: "test") { _ in log }
        try await withDriver(options: options, logger: logger) { [topic] driver, _, _ in
            try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                try await driver.publish("a", to: .topic(topic), mandatory: true)
                var iterator = deliveries.makeAsyncIterator()
                for attempt in 1...3 {
                    let delivery = try #require(try await iterator.next())
                    #expect((delivery.attempt ?? 1) == attempt)
                    let warnings = log.entries.filter { $0.level == .warning && $0.metadata["attempt"] == "\(attempt)" }
                    #expect(warnings.count == (attempt == 3 ? 1 : 0))
                    try await delivery.requeue()
                }
                try await driver.publish("b", to: .topic(topic), mandatory: true)
                #expect(try await take(1, of: deliveries) == ["b"])
            }
        }
    }

    @Test("What depends on the broker's version is known of RabbitMQ alone")
    func brokerVersions() {
        for (product, version, hasSecrets, limit) in [
            ("RabbitMQ", "3.7.28", false, nil), ("RabbitMQ", "3.8.0", true, nil), ("RabbitMQ", "3.13.7", true, nil),
            ("RabbitMQ", "4.0.0-rc.1", true, 20), ("RabbitMQ", "4.2", true, 20), ("RabbitMQ", "10.0.1", true, 20),
        ] as [(String, String, Bool, Int?)] {
            let broker = BrokerVersion(product: product, version: version)
            #expect(broker?.knowsUpdateSecret == hasSecrets)
            #expect(broker?.quorumDeliveryLimit == limit)
        }
        for (product, version) in [("LavinMQ", "2.0.0"), ("RabbitMQ", "new"), ("RabbitMQ", nil), (nil, "4.0.0")] {
            #expect(BrokerVersion(product: product, version: version) == nil)
        }
    }

    @Test("A stream gives every subscriber of a fanout each message, and after a cut goes on where it was")
    func stream() async throws {
        let options: [TransportURL.Option] = [
            .init("rabbit_stream_fanout", "true"), .init("rabbit_transient_quorum_queue", "true"),
            .init("rabbit_qos_prefetch_count", "10"),
        ]
        try await withDriver(options: options) { [topic] driver, broker, name in
            try await driver.withSubscription(to: .fanout(topic), options: .soon) { one in
                try await driver.withSubscription(to: .fanout(topic), options: .soon) { other in
                    for number in 0..<30 { try await driver.publish("\(number)", to: .fanout(topic)) }
                    let wanted = (0..<30).map { "\($0)" }
                    #expect(try await take(30, of: one) == wanted)
                    #expect(try await take(30, of: other) == wanted)
                    try await broker.cutConnections(in: name)
                    try await driver.publish(
                        Message(body: Array("after".utf8)), to: .fanout(topic),
                        options: .within(.seconds(20), allowsDuplicates: true))
                    #expect(try await take(1, of: one) == ["after"])
                    #expect(try await take(1, of: other) == ["after"])
                }
            }
            #expect(try await broker.queue("t_fanout", in: name)?.arguments["x-queue-type"] == "stream")
        }
    }

    #if os(Linux)
    @Test("Fifty drivers share one thread")
    func threads() async throws {
        let broker = try await TestBroker.shared()
        try await broker.withVirtualHost { [topic] name in
            let drivers = try (0..<50).map { _ in
                try DriverUnderTest(broker.url(virtualHost: name), logger: quietLogger)
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for driver in drivers { group.addTask { try await driver.run() } }
                defer { group.cancelAll() }
                try await drivers[0].publish("x", to: .topic(topic))
                let before = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count
                for driver in drivers {
                    try await driver.publish("x", to: .topic(topic))
                    await driver.waits { $0 == .ready }
                }
                #expect(try await broker.connections(in: name).count == 100)
                let after = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count
                // A hundred connections; other tests of this process come and go beside.
                #expect(after - before < 20)
            }
        }
    }
    #endif

    @Test("The management page shows who is connected, and that we hear of cancelled consumers and full brokers")
    func clientProperties() async throws {
        try await withDriver { [topic] driver, broker, name in
            try await driver.publish("x", to: .topic(topic))
            await driver.waits { $0 == .ready }
            let connections = try await broker.connections(in: name)
            #expect(connections.count == 2)
            #expect(connections.allSatisfy { $0.clientProperties["product"] == "Switchboard" })
            let names = Set(connections.compactMap { $0.clientProperties["connection_name"] })
            #expect(names.count == 2)
            #expect(names.contains { $0.hasSuffix(":publish") })
            #expect(names.contains { $0.hasSuffix(":consume") })
        }
    }

    @Test("Subscribing with other arguments than those that exist is a conflict with argument and option")
    func conflict() async throws {
        try await withDriver { [topic] driver, broker, name in
            try await driver.withSubscription(to: .topic(topic), options: .soon) { _ in }
            var url = broker.url(virtualHost: name)
            url.options = [.init("rabbit_quorum_queue", "true")]
            let other = try DriverUnderTest(url, logger: quietLogger)
            try await withRunning(other) {
                let subscribing = await #expect(throws: TransportError.self) {
                    try await other.withSubscription(to: .topic(topic), options: .soon) { _ in }
                }
                let publishing = await #expect(throws: TransportError.self) {
                    try await other.publish("x", to: .topic(topic))
                }
                for error in [subscribing, publishing] {
                    #expect(error?.code == .conflict)
                    #expect(error?.message.contains("inequivalent arg '") == true)
                    #expect(error?.message.contains("rabbit_quorum_queue") == true)
                }
                // It concerns that address alone.
                try await other.publish("x", to: .topic(Topic("free", exchange: "free")))
            }
        }
    }
}
#endif
