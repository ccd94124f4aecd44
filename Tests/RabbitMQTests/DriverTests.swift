#if RabbitMQ
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

@Suite("The RabbitMQ driver", .serialized, .timeLimit(.minutes(2)))
struct DriverTests {
    private let topic = Topic("t", exchange: "e")

    @Test("A message to each kind of address arrives, and the broker has oslo.messaging's topology")
    func addresses() async throws {
        try await withDriver { [topic] driver, broker, virtualHost in
            let addresses: [Address] = [
                .topic(topic), .server(topic, server: "s"), .fanout(topic), .mailbox(Mailbox(named: "reply_1")),
                .notifications(Topic("notifications.info", exchange: "e")),
            ]
            for address in addresses {
                try await driver.withSubscription(to: address, options: .soon) { deliveries in
                    try await driver.publish("to \(address)", to: address, mandatory: true)
                    var iterator = deliveries.makeAsyncIterator()
                    let delivery = try #require(try await iterator.next())
                    #expect(delivery.text == "to \(address)")
                    #expect(delivery.message.contentType == "application/json")
                    #expect(delivery.message.contentEncoding == "utf-8")
                    #expect(delivery.message.headers == [:])
                    #expect(!delivery.isRedelivered)
                    try await delivery.accept()
                }
            }
            let queues = try await broker.queues(in: virtualHost)
            // The fanout's own queue went with its subscription.
            #expect(Set(queues.map(\.name)) == ["t", "t.s", "reply_1", "notifications.info"])
            let isStrict = driver.refusesTransientQueues
            #expect(queues.allSatisfy { $0.ready == 0 && $0.unacknowledged == 0 && $0.isDurable == isStrict })
            // Some versions add what they made of it.
            let arguments = queues.first { $0.name == "reply_1" }?.arguments.filter { $0.key != "x-queue-type" }
            #expect(arguments == ["x-expires": "1800000"])
            let bindings = try await broker.bindings(in: virtualHost)
            #expect(
                Set(bindings.map { [$0.exchange, $0.routingKey, $0.queue] }) == [
                    ["e", "t", "t"], ["e", "t.s", "t.s"], ["e", "notifications.info", "notifications.info"],
                ])
        }
    }

    @Test("Each subscription to a fanout gets a copy")
    func fanout() async throws {
        try await withDriver { [topic] driver, _, _ in
            try await driver.withSubscription(to: .fanout(topic), options: .soon) { one in
                try await driver.withSubscription(to: .fanout(topic), options: .soon) { other in
                    try await driver.publish("x", to: .fanout(topic))
                    for deliveries in [one, other] {
                        var iterator = deliveries.makeAsyncIterator()
                        #expect(try await iterator.next()?.text == "x")
                    }
                }
            }
        }
    }

    @Test("A fanout whose exchange has deleted itself is declared again by the next publish")
    func vanishedExchange() async throws {
        try await withDriver { [topic] driver, _, _ in
            for round in 0..<3 {
                try await driver.withSubscription(to: .fanout(topic), options: .soon) { deliveries in
                    try await driver.publish("\(round)", to: .fanout(topic))
                    var iterator = deliveries.makeAsyncIterator()
                    #expect(try await iterator.next()?.text == "\(round)")
                }
                // Nobody listens now, and the exchange is gone with the last queue.
                try await driver.publish("lost", to: .fanout(topic))
            }
        }
    }

    @Test("A mandatory message without a taker is unroutable, and those around it are not")
    func unroutable() async throws {
        try await withDriver { [topic] driver, _, _ in
            try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                try await withThrowingTaskGroup(of: Bool.self) { group in
                    for number in 0..<200 {
                        group.addTask {
                            // Many are the same in exchange, key and body.
                            let address = number % 2 == 0 ? Address.topic(topic) : .server(topic, server: "nobody")
                            do throws(TransportError) {
                                try await driver.publish("same", to: address, mandatory: true)
                                return number % 2 == 0
                            } catch {
                                #expect(error.code == .unroutable)
                                #expect(error.message.contains("exchange e, routing key t.nobody"))
                                return number % 2 == 1
                            }
                        }
                    }
                    for try await isRight in group { #expect(isRight) }
                }
                var iterator = deliveries.makeAsyncIterator()
                for _ in 0..<100 { try await iterator.next()?.accept() }
            }
            let gone = await #expect(throws: TransportError.self) {
                try await driver.publish("x", to: .mailbox(Mailbox(named: "reply_gone")), mandatory: true)
            }
            #expect(gone?.code == .unroutable)
        }
    }

    @Test("A message that is not mandatory and has no taker is taken and lost, as with oslo.messaging")
    func notMandatory() async throws {
        try await withDriver { [topic] driver, _, _ in
            try await driver.publish("x", to: .topic(topic))
        }
    }

    @Test("A requeued message comes back, marked; a discarded one does not; a settled one cannot be settled again")
    func settlements() async throws {
        try await withDriver { [topic] driver, broker, virtualHost in
            try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                try await driver.publish("a", to: .topic(topic))
                var iterator = deliveries.makeAsyncIterator()
                let first = try #require(try await iterator.next())
                try await first.requeue()
                let second = try #require(try await iterator.next())
                #expect(second.text == "a")
                #expect(second.isRedelivered)
                try await second.discard(reason: "test")
                let error = await #expect(throws: TransportError.self) { try await second.accept() }
                #expect(error?.code == .alreadySettled)
                try await driver.publish("b", to: .topic(topic))
                let third = try #require(try await iterator.next())
                #expect(third.text == "b")
                try await third.accept()
            }
            #expect(try await broker.queue("t", in: virtualHost)?.ready == 0)
        }
    }

    @Test("What is unsettled when a subscription ends goes back in order, and cannot be settled any more")
    func unsettled() async throws {
        try await withDriver { [topic] driver, _, _ in
            let kept = try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                for number in 0..<10 { try await driver.publish("\(number)", to: .topic(topic)) }
                var iterator = deliveries.makeAsyncIterator()
                var kept: [Delivery] = []
                for number in 0..<5 {
                    let delivery = try #require(try await iterator.next())
                    if number % 2 == 0 { try await delivery.accept() } else { kept.append(delivery) }
                }
                return kept
            }
            let error = await #expect(throws: TransportError.self) { try await kept[0].accept() }
            #expect(error?.code == .closed)
            try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                var iterator = deliveries.makeAsyncIterator()
                for number in [1, 3, 5, 6, 7, 8, 9] {
                    let delivery = try #require(try await iterator.next())
                    #expect(delivery.text == "\(number)")
                    try await delivery.accept()
                }
            }
        }
    }

    @Test("What comes when nobody iterates any more goes back at once, all of it")
    func afterIteration() async throws {
        try await withDriver { [topic] driver, broker, virtualHost in
            try await driver.withSubscription(
                to: .topic(topic), options: SubscriptionOptions(prefetch: 20, deadline: .now + .seconds(20))
            ) { deliveries in
                for number in 0..<60 { try await driver.publish("\(number)", to: .topic(topic)) }
                let (full, fullSource) = AsyncStream.makeStream(of: Void.self)
                let taking = Task {
                    var held: [Delivery] = []
                    for try await delivery in deliveries {
                        held.append(delivery)
                        if held.count == 20 { fullSource.yield() }
                    }
                    return held
                }
                for await _ in full { break }
                taking.cancel()
                // The broker sends as many again at a time. The first of them is the one that ends the consumer.
                for delivery in try await taking.value { try await delivery.accept() }
                try await withTimeLimit(.seconds(20)) {
                    try await yieldsWhile {
                        let queue = try await broker.queue("t", in: virtualHost)
                        return queue?.unacknowledged != 0 || queue?.ready != 40
                    }
                }
            }
        }
    }

    @Test("No more deliveries are unsettled than the prefetch allows")
    func prefetch() async throws {
        try await withDriver { [topic] driver, broker, virtualHost in
            try await driver.withSubscription(
                to: .topic(topic), options: SubscriptionOptions(prefetch: 3, deadline: .now + .seconds(20))
            ) { deliveries in
                for number in 0..<10 { try await driver.publish("\(number)", to: .topic(topic)) }
                var iterator = deliveries.makeAsyncIterator()
                let first = try #require(try await iterator.next())
                let queue = try #require(try await broker.queue("t", in: virtualHost))
                #expect(queue.unacknowledged == 3)
                #expect(queue.ready == 7)
                try await first.accept()
                for _ in 0..<9 { try await iterator.next()?.accept() }
            }
        }
    }

    @Test("Acceptances reach the broker by themselves, one or many", arguments: [1, 40])
    func acceptances(count: Int) async throws {
        try await withDriver { [topic] driver, broker, virtualHost in
            try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                for number in 0..<count { try await driver.publish("\(number)", to: .topic(topic)) }
                var iterator = deliveries.makeAsyncIterator()
                for _ in 0..<count { try await iterator.next()?.accept() }
                try await withTimeLimit(.seconds(20)) {
                    try await yieldsWhile {
                        let queue = try await broker.queue("t", in: virtualHost)
                        return queue?.unacknowledged != 0 || queue?.ready != 0
                    }
                }
            }
        }
    }

    @Test("Messages of one publisher arrive in order, across frames and sizes")
    func order() async throws {
        try await withDriver { [topic] driver, _, _ in
            let sizes = [0, 1, 131_063, 131_064, 131_065, 400_000, 10, 3_000_000, 2]
            try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                for size in sizes {
                    try await driver.publish(
                        Message(body: [UInt8](repeating: 7, count: size)), to: .topic(topic),
                        options: .within(.seconds(20)))
                }
                var iterator = deliveries.makeAsyncIterator()
                for size in sizes {
                    let delivery = try #require(try await iterator.next())
                    #expect(delivery.message.body.count == size)
                    try await delivery.accept()
                }
            }
        }
    }

    @Test("A message whose time is over is not delivered; headers travel")
    func expiration() async throws {
        try await withDriver { [topic] driver, _, _ in
            try await driver.withSubscription(to: .topic(topic), options: .soon) { _ in }
            try await driver.publish(
                Message(body: [1], timeToLive: .zero), to: .topic(topic), options: .within(.seconds(20)))
            try await driver.publish(
                Message(body: [2], headers: ["compression": "x"], timeToLive: .seconds(60)), to: .topic(topic),
                options: .within(.seconds(20)))
            try await driver.withSubscription(to: .topic(topic), options: .soon) { deliveries in
                var iterator = deliveries.makeAsyncIterator()
                let delivery = try #require(try await iterator.next())
                #expect(delivery.message.body == [2])
                #expect(delivery.message.headers == ["compression": "x"])
            }
        }
    }

    @Test("PLAIN and AMQPLAIN log in, also with a password of any characters", arguments: ["PLAIN", "AMQPLAIN"])
    func loginMethods(method: String) async throws {
        let broker = try await TestBroker.shared()
        try await broker.withVirtualHost { [topic] name in
            let user = "u-\(method)-\(name)"
            let password = Secret("p@/:%#?&\" ü\t")
            try await broker.addUser(user, password: password)
            try await broker.setPermissions(of: user, in: name)
            var url = broker.url(virtualHost: name, username: user, password: password)
            url.options = [.init("rabbit_login_method", method)]
            let driver = try DriverUnderTest(url, logger: quietLogger)
            try await withRunning(driver) { try await driver.publish("x", to: .topic(topic)) }
            try await broker.deleteUser(user)
        }
    }
}
#endif
