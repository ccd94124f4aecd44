#if RabbitMQ
import InMemoryLogging
import Logging
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

/// What is wrong with one message is that message's matter, at a real broker.
@Suite("Messages that cannot be taken or sent", .timeLimit(.minutes(2)))
struct MessageDefectTests {
    private let topic = Topic("t", exchange: "e")

    /// Takes messages for as long as `body` runs; ends with what was taken.
    private func next(_ iterator: inout Deliveries.AsyncIterator) async throws -> Delivery {
        let delivery = try #require(try await iterator.next())
        try await delivery.accept()
        return delivery
    }

    @Test("A message with as many headers as the broker takes is taken", arguments: [33_000, 100_000, 130_000])
    func largeHeaders(size: Int) async throws {
        try await withDriver { [topic] driver, _, _ in
            try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                let headers = ["baggage": String(repeating: "x", count: size)]
                try await driver.publish(
                    Message(body: [1], headers: headers), to: .topic(topic), options: .within(.seconds(20)))
                var iterator = deliveries.makeAsyncIterator()
                #expect(try await next(&iterator).message.headers == headers)
            }
        }
    }

    @Test("A message above the limit is rejected, and disturbs nothing", arguments: 1...3)
    func largeBody(count: Int) async throws {
        var configuration = RabbitMQConfiguration()
        configuration.maximumMessageSize = 1000
        let logs = InMemoryLogHandler()
        let logger = Logger(label: "test") { _ in logs }
        try await withRelayedDriver(configuration: configuration, logger: logger) { [topic] driver, relay, _, _ in
            try await driver.withSubscription(to: .server(topic, server: "other"), options: .soon) { others in
                try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                    // One more than two where the broker's demands were learned first.
                    let before = relay.accepted
                    for number in 1...count {
                        let large = Message(body: [UInt8](repeating: 1, count: 1000 + number))
                        try await driver.publish(large, to: .topic(topic), options: .within(.seconds(20)))
                    }
                    try await driver.publish("after", to: .topic(topic))
                    try await driver.publish("other", to: .server(topic, server: "other"))
                    var iterator = deliveries.makeAsyncIterator()
                    #expect(try await next(&iterator).text == "after")
                    var otherIterator = others.makeAsyncIterator()
                    #expect(try await next(&otherIterator).text == "other")
                    #expect(relay.accepted == before, "A connection was lost.")
                }
            }
        }
        let entries = logs.entries.filter { $0.message.description.contains("cannot be taken") }
        #expect(entries.count == count)
        #expect(entries.allSatisfy { $0.metadata["rabbitmq.queue"]?.description == "t" })
    }

    @Test("A message that AMQP cannot carry is refused before a byte is sent, and costs others nothing")
    func unframeable() async throws {
        try await withRelayedDriver { [topic] driver, relay, _, _ in
            let others = (0..<20).map { number in
                Task { try await driver.publish("\(number)", to: .topic(topic)) }
            }
            for message in [
                Message(body: [1], headers: ["x": String(repeating: "x", count: 140_000)]),
                Message(body: [1], headers: [String(repeating: "x", count: 300): ""]),
                Message(body: [1], contentType: String(repeating: "x", count: 300)),
            ] {
                let error = await #expect(throws: TransportError.self) {
                    try await driver.publish(message, to: .topic(topic), options: .within(.seconds(20)))
                }
                #expect(error?.code == .messageTooLarge)
                #expect(error?.message.contains("topic e/t") == true)
            }
            for other in others { try await other.value }
            #expect(relay.accepted == 2, "A connection was lost.")
        }
    }

    @Test("A count in a publisher's own header is believed by nobody", arguments: ["9223372036854775807", "-1", "x"])
    func ownCount(count: String) async throws {
        try await withDriver { [topic] driver, _, _ in
            try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                let message = Message(body: [1], headers: ["x-delivery-count": count, "x-acquired-count": count])
                try await driver.publish(message, to: .topic(topic), options: .within(.seconds(20)))
                var iterator = deliveries.makeAsyncIterator()
                #expect(try await next(&iterator).message.body == [1])
            }
        }
    }
}
#endif
