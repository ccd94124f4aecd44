#if RabbitMQ
import MetricsTestKit
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

@Suite("The driver's metrics", .timeLimit(.minutes(2)))
struct MetricsTests {
    private let topic = Topic("t", exchange: "e")

    private func count(_ metrics: TestMetrics, _ name: String, _ labels: [(String, String)] = []) -> Int64 {
        (try? metrics.expectCounter("switchboard.rabbitmq.\(name)", labels).totalValue) ?? 0
    }

    @Test("Connections, losses, redeliveries, returns, declarations and time blocked are counted")
    func all() async throws {
        let metrics = TestMetrics()
        let broker = try await TestBroker.shared()
        try await broker.withVirtualHost { [topic] name in
            let driver = try DriverUnderTest(
                broker.url(virtualHost: name), configuration: .takenEverywhere,
                metrics: DriverMetrics(factory: metrics),
                logger: quietLogger)
            try await withRunning(driver) {
                try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                    try await driver.publish("a", to: .topic(topic), mandatory: true)
                    var iterator = deliveries.makeAsyncIterator()
                    try await iterator.next()?.requeue()
                    try await iterator.next()?.accept()
                    await #expect(throws: TransportError.self) {
                        try await driver.publish("b", to: .server(topic, server: "nobody"), mandatory: true)
                    }
                    await driver.waits { $0 == .ready }
                    try await broker.closeConnections(in: name)
                    try await driver.publish(
                        Message(body: []), to: .topic(topic), options: .within(.seconds(20), allowsDuplicates: true))
                    await driver.waits { $0 == .ready }
                }
            }
        }
        for role in ["publish", "consume"] {
            #expect(count(metrics, "connections.opened", [("role", role)]) == 2)
            #expect(count(metrics, "connections.lost", [("role", role), ("error.type", "closed_by_broker")]) == 1)
        }
        #expect(count(metrics, "redeliveries") == 1)
        #expect(count(metrics, "returns") == 1)
        // The subscription's three, twice, and the exchange, on each connection.
        #expect(count(metrics, "declarations") >= 8)
        let gauge = try metrics.expectGauge("switchboard.rabbitmq.publishes.unconfirmed")
        #expect(gauge.values.contains(1) && gauge.lastValue == 0)
    }

    @Test("The reason of a loss is one of a few words")
    func kinds() {
        let closure = IncomingMethod.Closure(code: 320, text: "CONNECTION_FORCED")
        #expect(ConnectionLoss(closure, duringLogin: false).kind == "closed_by_broker")
        let refusal = IncomingMethod.Closure(code: 403, text: "ACCESS_REFUSED")
        #expect(ConnectionLoss(refusal, duringLogin: true).kind == "refused")
        #expect(ConnectionLoss("the broker was silent for two heartbeat intervals (120 s)").kind == "heartbeat")
        #expect(ConnectionLoss("the protocol was violated: a frame").kind == "protocol")
        #expect(ConnectionLoss("connection reset by peer").kind == "network")
    }
}
#endif
