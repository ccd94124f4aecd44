import SwitchboardTesting
import Testing

@testable import SwitchboardCore

@Suite("A transport subscribes", .timeLimit(.minutes(1)))
struct TransportSubscriptionTests {
    private let gone = TransportError(.conflict, "Its queue has other arguments.")

    /// Subscribes until told to end; the results of the bodies come in order.
    private func subscribe(_ bed: TransportBed) -> Task<[UInt8], any Error> {
        Task {
            try await bed.transport.withSubscription(to: bed.address) { deliveries in
                var bodies: [UInt8] = []
                for try await delivery in deliveries {
                    bodies += delivery.message.body
                    if delivery.message.body == [0] { break }
                }
                return bodies
            }
        }
    }

    private func deliver(_ body: UInt8, to subscription: Subscription) -> Bool {
        defer { subscription.handOut() }
        return subscription.append(Delivery(Message(body: [body]), token: 1, settler: NullSettler()))
    }

    @Test("All that were live are live again before publishers are let in")
    func restored() async throws {
        let bed = TransportBed()
        bed.driver.onSubscribe { if $0.number == 1 { $0.signals.send(.live($1)) } }
        bed.driver.onPublish { $1.finish(.accepted) }
        try await bed.run { _ in
            let first = try await bed.driver.connection(1)
            let tasks = [subscribe(bed), subscribe(bed)]
            await bed.driver.changes.until { first.subscribed.count == 2 }
            first.signals.lost("the peer left")
            let sending = bed.publish(1)
            let second = try await bed.driver.connection(2)
            await bed.driver.changes.until { second.subscribed.count == 2 }
            // One that is new meanwhile doesn't count.
            let third = subscribe(bed)
            await bed.driver.changes.until { second.subscribed.count == 3 }
            second.signals.send(.live(second.subscribed[1]))
            second.signals.send(.live(second.subscribed[2]))
            #expect(!sending.isOver && second.publishes.isEmpty)
            #expect(bed.transport.state == .connecting(attempt: 1, reason: "the peer left"))
            second.signals.send(.live(second.subscribed[0]))
            #expect(await sending.error == nil)
            #expect(bed.transport.state == .ready)
            for subscription in second.subscribed { #expect(deliver(0, to: subscription)) }
            for task in tasks + [third] { #expect(try await task.value == [0]) }
            #expect(second.unsubscribed.count == 3)
        }
    }

    @Test(
        "A subscription that is being repaired, or not answered, keeps no publisher waiting", arguments: [true, false])
    func unanswered(isRepaired: Bool) async throws {
        let bed = TransportBed()
        bed.driver.onSubscribe { if $0.number == 1 { $0.signals.send(.live($1)) } }
        bed.driver.onPublish { $1.finish(.accepted) }
        try await bed.run { _ in
            let first = try await bed.driver.connection(1)
            let task = subscribe(bed)
            await bed.driver.changes.until { first.subscribed.count == 1 }
            first.signals.lost("the peer left")
            let sending = bed.publish(1)
            let second = try await bed.driver.connection(2)
            await bed.driver.changes.until { second.subscribed.count == 1 }
            let subscription = second.subscribed[0]
            if isRepaired {
                second.signals.send(.repairing(subscription, reason: "its queue is gone"))
            } else {
                await bed.turn { sending.isOver }
            }
            #expect(await sending.error == nil)
            guard case .connecting(_, let reason?) = bed.transport.state else {
                return #expect(Bool(false), "\(bed.transport.state)")
            }
            #expect(reason.contains(isRepaired ? "its queue is gone" : "has not answered"))
            second.signals.send(.live(subscription))
            #expect(bed.transport.state == .ready)
            #expect(deliver(0, to: subscription))
            #expect(try await task.value == [0])
        }
    }

    @Test("What the subscriber had not taken is taken back with a loss")
    func withdrawn() async throws {
        let bed = TransportBed()
        try await bed.run { _ in
            let result = try await bed.transport.withSubscription(to: bed.address) { deliveries in
                let first = try await bed.driver.connection(1)
                for body: UInt8 in 1...3 { #expect(deliver(body, to: first.subscribed[0])) }
                var iterator = deliveries.makeAsyncIterator()
                #expect(try await iterator.next()?.message.body == [1])
                first.signals.lost("the peer left")
                let second = try await bed.driver.connection(2)
                await bed.driver.changes.until { second.subscribed.count == 1 }
                #expect(deliver(4, to: second.subscribed[0]))
                return try await iterator.next()?.message.body
            }
            #expect(result == [4])
        }
    }

    @Test("A refusal at first is the subscriber's error, a later one ends the deliveries with it")
    func failed() async throws {
        let bed = TransportBed()
        let gone = gone
        try await bed.run { _ in
            let connection = try await bed.driver.connection(1)
            let task = subscribe(bed)
            await bed.driver.changes.until { connection.subscribed.count == 1 }
            #expect(deliver(1, to: connection.subscribed[0]))
            connection.signals.send(.failed(connection.subscribed[0], gone))
            let later = await #expect(throws: TransportError.self) { try await task.value }
            #expect(later?.code == .conflict)
            #expect(connection.unsubscribed.isEmpty)
            bed.driver.onSubscribe { $0.signals.send(.failed($1, gone)) }
            let error = await #expect(throws: TransportError.self) {
                try await bed.transport.withSubscription(to: bed.address) { _ in _ = Issue.record("It was never live.")
                }
            }
            #expect(error?.code == .conflict)
        }
    }

    @Test("Waiting for a subscription ends at its deadline, with or without a connection, and with its task")
    func givenUp() async throws {
        let bed = TransportBed()
        bed.driver.onSubscribe { _, _ in }
        func attempt(_ deadline: Duration?) -> Task<Void, any Error> {
            let options = SubscriptionOptions(deadline: deadline.map { bed.clock.now + $0 })
            return Task {
                try await bed.transport.withSubscription(to: bed.address, options: options) { _ in
                    _ = Issue.record("It was never live.")
                }
            }
        }
        let early = attempt(.seconds(1))
        await bed.turn { bed.clock.now > ContinuousClock.now + .seconds(2) }
        let earlyError = await #expect(throws: TransportError.self) { try await early.value }
        #expect(earlyError?.code == .unavailable)
        try await bed.run { _ in
            let connection = try await bed.driver.connection(1)
            let late = attempt(.seconds(1))
            await bed.driver.changes.until { connection.subscribed.count == 1 }
            connection.signals.send(.repairing(connection.subscribed[0], reason: "its queue is gone"))
            bed.clock.turn(by: .seconds(1))
            let error = await #expect(throws: TransportError.self) { try await late.value }
            #expect(error?.code == .unavailable)
            #expect(error?.message.contains("last reason: its queue is gone") == true)
            let cancelled = attempt(nil)
            await bed.driver.changes.until { connection.subscribed.count == 2 }
            cancelled.cancel()
            let cancellation = await #expect(throws: TransportError.self) { try await cancelled.value }
            #expect(cancellation?.code == .cancelled)
            await bed.driver.changes.until { connection.unsubscribed.count == 2 }
            #expect(connection.unsubscribed.map(\.id) == connection.subscribed.map(\.id))
        }
    }

    @Test("A subscription that is cancelled as it is made ends", arguments: 0..<50)
    func cancelledAtOnce(_: Int) async throws {
        let bed = TransportBed()
        let tasks = (0..<8).map { _ in subscribe(bed) }
        for task in tasks { task.cancel() }
        for task in tasks {
            let error = await #expect(throws: TransportError.self) { try await task.value }
            #expect(error?.code == .cancelled)
        }
    }

    @Test("The end of a subscription waits for the connection's word, but not for ever")
    func ends() async throws {
        let bed = TransportBed()
        bed.driver.onUnsubscribe { _, _ in }
        try await bed.run { _ in
            let task = Task { try await bed.transport.withSubscription(to: bed.address) { _ in } }
            let connection = try await bed.driver.connection(1)
            await bed.driver.changes.until { connection.unsubscribed.count == 1 }
            connection.signals.send(.ended(connection.unsubscribed[0]))
            try await task.value
            let silent = Task {
                try await bed.transport.withSubscription(to: bed.address) { _ in }
                bed.driver.changes.notify()
                return bed.clock.now
            }
            await bed.driver.changes.until { connection.unsubscribed.count == 2 }
            let started = bed.clock.now
            let isDone = Locked(false)
            let waiting = Task {
                let end = try await silent.value
                isDone.withLock { $0 = true }
                return end
            }
            await bed.turn { isDone.withLock { $0 } }
            #expect(try await waiting.value - started >= .seconds(5))
        }
    }

    @Test("What a driver remembers of a subscription outlives its connections, and it knows whether it was live")
    func memory() async throws {
        let bed = TransportBed()
        let note = Changes()
        bed.driver.onSubscribe { connection, subscription in
            #expect(subscription.hasBeenLive == (connection.number == 2))
            check((subscription.memory === note) == (connection.number == 2))
            subscription.memory = note
            connection.signals.send(.live(subscription))
        }
        try await bed.run { _ in
            try await bed.transport.withSubscription(to: bed.address) { _ in
                bed.driver.last?.signals.lost("the peer left")
                let second = try await bed.driver.connection(2)
                await bed.driver.changes.until { second.subscribed.count == 1 }
            }
        }
    }
}
