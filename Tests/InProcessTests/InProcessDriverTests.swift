import SwitchboardCore
import SwitchboardInProcess
import Testing

/// What the laws do not ask of every driver.
@Suite("The in-process driver", .timeLimit(.minutes(5)))
struct InProcessDriverTests {
    private let topic = Address.topic(Topic("tests"))

    /// Runs a transport of `fake://test` with these options.
    private func withTransport(
        _ options: String = "", network: InProcessNetwork = InProcessNetwork(),
        _ body: (Transport) async throws -> Void
    ) async throws {
        let transport = try Transport(
            TransportURL("fake://test\(options)"), drivers: DriverRegistry(.inProcess(network: network)),
            logger: quietLogger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await transport.run() }
            defer { group.cancelAll() }
            try await body(transport)
        }
    }

    @Test("Topics of different exchanges are apart, unlike on RabbitMQ")
    func exchanges() async throws {
        try await withTransport { transport in
            try await transport.withSubscription(to: .topic(Topic("compute", exchange: "nova"))) { _ in
                let error = await #expect(throws: TransportError.self) {
                    try await transport.publish(
                        Message(body: []), to: .topic(Topic("compute", exchange: "other")), mandatory: true)
                }
                #expect(error?.code == .unroutable)
            }
        }
    }

    @Test("Publishers that are cancelled while room is made hold nobody up")
    func cancelledPublishers() async throws {
        try await withTransport("?queue_limit=1") { [topic] transport in
            let options = SubscriptionOptions(prefetch: 1)
            try await transport.withSubscription(to: topic, options: options) { deliveries in
                await withTaskGroup(of: Void.self) { group in
                    let consumer = Task {
                        for try await delivery in deliveries { try await delivery.accept() }
                    }
                    for _ in 0..<4 {
                        group.addTask {
                            for _ in 0..<500 {
                                let publishing = Task { try await transport.publish(Message(body: []), to: topic) }
                                await Task.yield()
                                publishing.cancel()
                                _ = await publishing.result
                            }
                        }
                    }
                    await group.waitForAll()
                    consumer.cancel()
                }
            }
        }
    }

    @Test("A mailbox ends with its last subscription, so that a late reply is told")
    func mailbox() async throws {
        let mailbox = Address.mailbox(Mailbox(named: "reply_1"))
        try await withTransport { transport in
            try await transport.withSubscription(to: mailbox) { _ in
                try await transport.publish(Message(body: []), to: mailbox, mandatory: true)
            }
            let error = await #expect(throws: TransportError.self) {
                try await transport.publish(Message(body: []), to: mailbox, mandatory: true)
            }
            #expect(error?.code == .unroutable)
        }
    }

    @Test("The bytes of a queue are bounded, and one message larger than the bound passes alone")
    func bytes() async throws {
        try await withTransport("?byte_limit=10") { transport in
            try await transport.withSubscription(to: topic) { _ in }
            try await transport.publish(Message(body: Array(repeating: 0, count: 100)), to: topic)
            let error = await #expect(throws: TransportError.self) {
                try await transport.publish(Message(body: []), to: topic, deadline: .now + .milliseconds(20))
            }
            #expect(error?.code == .exhausted)
            #expect(error?.message.contains("10 bytes") == true)
        }
    }

    @Test("What expires in a full queue makes room, for those who wait too")
    func expiryMakesRoom() async throws {
        try await withTransport("?queue_limit=2") { transport in
            try await transport.withSubscription(to: topic) { _ in }
            var message = Message(body: [1])
            message.timeToLive = .milliseconds(50)
            for _ in 0..<2 { try await transport.publish(message, to: topic) }
            let begin = ContinuousClock.now
            try await transport.publish(Message(body: [2]), to: topic, deadline: begin + .seconds(50))
            // At its deadline it would find the room too.
            #expect(begin.duration(to: .now) < .seconds(30))
            try await transport.withSubscription(to: topic) { deliveries in
                // There is room as soon as the first has expired; the second may be there for a moment still.
                var bodies: [[UInt8]] = []
                for try await delivery in deliveries {
                    bodies.append(delivery.message.body)
                    try await delivery.settle(.accept)
                    if bodies.last == [2] { break }
                }
                #expect(bodies == [[2]] || bodies == [[1], [2]])
            }
        }
    }

    @Test("A fanout to a full copy waits, and then nobody has got it")
    func fanoutIsAllOrNothing() async throws {
        let fanout = Address.fanout(Topic("tests"))
        try await withTransport("?queue_limit=1") { transport in
            try await transport.withSubscription(to: fanout, options: .init(prefetch: 1)) { _ in
                try await transport.withSubscription(to: fanout) { quick in
                    // One is held, one is ready: the slow one's copy is full.
                    for number: UInt8 in 1...2 { try await transport.publish(Message(body: [number]), to: fanout) }
                    let error = await #expect(throws: TransportError.self) {
                        try await transport.publish(
                            Message(body: [3]), to: fanout, deadline: .now + .milliseconds(20))
                    }
                    #expect(error?.code == .exhausted)
                    var iterator = quick.makeAsyncIterator()
                    for number: UInt8 in 1...2 {
                        let delivery = try await iterator.next()
                        #expect(delivery?.message.body == [number])
                        try await delivery?.accept()
                    }
                }
            }
            try await transport.withSubscription(to: fanout) { late in
                try await transport.publish(Message(body: [4]), to: fanout)
                var iterator = late.makeAsyncIterator()
                #expect(try await iterator.next()?.message.body == [4])
            }
        }
    }

    @Test("Who waits for a fanout's full copy goes on when its subscription ends")
    func fullCopyEnds() async throws {
        let fanout = Address.fanout(Topic("tests"))
        try await withTransport("?queue_limit=1") { transport in
            try await transport.withSubscription(to: fanout) { quick in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    try await transport.withSubscription(to: fanout, options: .init(prefetch: 1)) { _ in
                        for number: UInt8 in 1...2 { try await transport.publish(Message(body: [number]), to: fanout) }
                        group.addTask { try await transport.publish(Message(body: [3]), to: fanout) }
                        await Task.yield()
                    }
                    try await group.waitForAll()
                }
                var iterator = quick.makeAsyncIterator()
                for number: UInt8 in 1...3 { #expect(try await iterator.next()?.message.body == [number]) }
            }
        }
    }

    @Test("Dead letters keep reason and attempts, and the newest 1000")
    func deadLetters() async throws {
        let network = InProcessNetwork()
        try await withTransport(network: network) { transport in
            try await transport.withSubscription(to: topic) { deliveries in
                var iterator = deliveries.makeAsyncIterator()
                try await transport.publish(Message(body: [9]), to: topic)
                try await iterator.next()?.requeue()
                try await iterator.next()?.discard(reason: "unreadable")
                #expect(
                    network.deadLetters(in: "test")
                        == [DeadLetter(message: Message(body: [9]), reason: "unreadable", attempts: 2)])
                for number in 0..<1005 {
                    try await transport.publish(Message(body: [UInt8(number % 256)]), to: topic)
                    try await iterator.next()?.discard(reason: "\(number)")
                }
            }
        }
        let letters = network.deadLetters(in: "test")
        #expect(letters.count == 1000)
        #expect(letters.first?.reason == "5")
        #expect(letters.last?.reason == "1004")
        #expect(network.deadLetters(in: "another").isEmpty)
    }

    @Test("run() is called once")
    func runTwice() async throws {
        let transport = try Transport(
            TransportURL("fake://test"), drivers: DriverRegistry(.inProcess(network: InProcessNetwork())),
            logger: quietLogger)
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await transport.run() }
            for await state in transport.states() where state == .ready { break }
            await #expect(throws: TransportError.self) { try await transport.run() }
            group.cancelAll()
        }
    }
}
