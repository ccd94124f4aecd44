#if RabbitMQ
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

@Suite("Acceptances that the broker is known to have", .timeLimit(.minutes(2)))
struct AcceptanceReceiptsTests {
    private let topic = Address.topic(Topic("t", exchange: "e"))

    @Test("Each question answers for those before it, in order; a lost channel for none")
    func order() {
        var receipts = AcceptanceReceipts()
        let told = Locked<[String]>([])
        func waiter(_ name: String) -> AcceptanceReceipts.Waiter {
            { error in told.withLock { $0.append("\(name) \(error?.code.description ?? "yes")") } }
        }
        func ask() -> Bool { receipts.ask() }
        #expect(!ask())
        receipts.add(waiter("a"))
        receipts.add(waiter("b"))
        #expect(ask())
        #expect(!ask())
        receipts.add(waiter("c"))
        #expect(ask())
        receipts.add(waiter("d"))
        receipts.answered()
        #expect(told.withLock { $0 } == ["a yes", "b yes"])
        receipts.lost(topic)
        #expect(told.withLock { $0.suffix(2) } == ["c indeterminate", "d indeterminate"])
        receipts.answered()
        receipts.lost(topic)
        #expect(told.withLock { $0.count } == 4)
    }

    @Test("What was accepted for certain does not come again when the connection is cut at once")
    func cutBehind() async throws {
        try await withRelayedDriver { [topic] driver, relay, broker, name in
            let publisher = try DriverUnderTest(broker.url(virtualHost: name), logger: quietLogger)
            try await withRunning(publisher) {
                try await driver.withSubscription(to: topic, options: .soon) { deliveries in
                    var iterator = deliveries.makeAsyncIterator()
                    var (certain, doubtful): (Set<String>, Set<String>) = ([], [])
                    for number in 0..<20 {
                        try await publisher.publish("\(number)", to: topic)
                        while !certain.contains("\(number)"), !doubtful.contains("\(number)") {
                            let delivery = try #require(try await iterator.next())
                            #expect(!certain.contains(delivery.text))
                            do throws(TransportError) {
                                try await delivery.acceptForCertain()
                                certain.insert(delivery.text)
                            } catch {
                                // It came by a connection that was cut already, and comes again; or was cut meanwhile.
                                try #require([.closed, .indeterminate].contains(error.code), "\(error)")
                                if error.code == .indeterminate { doubtful.insert(delivery.text) }
                            }
                            await #expect(throws: TransportError.self) { try await delivery.accept() }
                        }
                        if number % 4 == 0 { relay.cut() }
                    }
                    // One in four can be doubtful at most: those that come next to a cut.
                    #expect(certain.count >= 10)
                }
            }
        }
    }

    @Test("An acceptance that the broker does not answer for is in doubt, and its message comes again")
    func unanswered() async throws {
        try await withRelayedDriver { [topic] driver, relay, _, _ in
            try await driver.withSubscription(to: topic, options: .soon) { deliveries in
                var iterator = deliveries.makeAsyncIterator()
                try await driver.publish("x", to: topic)
                let delivery = try #require(try await iterator.next())
                // Nothing that we send arrives any more.
                relay.freeze()
                async let accepting = #expect(throws: TransportError.self) { try await delivery.acceptForCertain() }
                // Time to write it: nothing tells that it is on its way.
                try await Task.sleep(for: .seconds(1))
                relay.cut()
                #expect(await accepting?.code == .indeterminate)
                let again = try #require(try await iterator.next())
                #expect(again.text == "x" && again.isRedelivered)
                try await again.acceptForCertain()
            }
        }
    }
}
#endif
