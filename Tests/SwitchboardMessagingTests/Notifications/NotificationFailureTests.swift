import InMemoryLogging
import Logging
import ServiceLifecycle
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardTesting
import Testing

@testable import SwitchboardMessaging

@Suite("Notifications that fail or come twice", .timeLimit(.minutes(5)))
struct NotificationFailureTests {
    private struct Oops: Error {}

    @Test("A notification whose handler failed comes again, marked as redelivered, and later handlers wait for that")
    func requeue() async throws {
        let world = try NotificationWorld()
        let (first, second) = (Recorder<NotificationEvent>(), Recorder<NotificationEvent>())
        var router = NotificationRouter()
        router.handle([.info]) { event in
            first.record(event)
            if !event.isRedelivered { throw Oops() }
        }
        router.handle([.info]) { second.record($0) }
        try await world.run(world.listener(router)) {
            await world.notifier.info("e")
            let (firsts, second) = (try await first.take(2), try await second.next())
            #expect(firsts.map(\.isRedelivered) == [false, true])
            #expect(second.isRedelivered)
        }
    }

    @Test("With the policy to drop, a failed notification is gone, but a rejected one comes again")
    func drop() async throws {
        let world = try NotificationWorld()
        let seen = Recorder<NotificationEvent>()
        var router = NotificationRouter()
        router.handle([.info]) { event in
            seen.record(event)
            if event.eventType == "fails" { throw Oops() }
            if event.eventType == "rejected", !event.isRedelivered { throw NotificationRejection.requeue }
        }
        var configuration = NotificationListenerConfiguration()
        configuration.failurePolicy = .drop
        configuration.maximumConcurrency = 1
        configuration.requeueDelay = .zero
        try await world.run(world.listener(configuration: configuration, router)) {
            for (type, times) in [("fails", 1), ("rejected", 2), ("last", 1)] {
                await world.notifier.info(type)
                let events = try await seen.take(times)
                #expect(events.map(\.eventType) == Array(repeating: type, count: times))
            }
        }
        #expect(world.network.deadLetters(in: "test").isEmpty)
    }

    @Test("When as many as may be taken have failed and wait, the log says once that others do not come through")
    func crowd() async throws {
        let world = try NotificationWorld()
        let seen = Recorder<NotificationEvent>()
        var router = NotificationRouter()
        router.handle([.info]) { event in
            seen.record(event)
            throw Oops()
        }
        var configuration = NotificationListenerConfiguration()
        configuration.prefetch = 3
        configuration.requeueDelay = .milliseconds(20)
        configuration.maximumRequeueDelay = .milliseconds(20)
        let log = InMemoryLogHandler()
        let logger = Logger(label: "test") { _ in log }
        try await world.run(world.listener(configuration: configuration, router, logger: logger)) {
            func crowds() -> [InMemoryLogHandler.Entry] {
                log.entries.filter { $0.level == .warning && $0.metadata["notification.waiting"] != nil }
            }
            for _ in 0..<2 { await world.notifier.info("bad") }
            _ = try await seen.take(10)
            #expect(crowds().isEmpty)
            await world.notifier.info("bad")
            _ = try await seen.take(20)
            #expect(crowds().map { $0.metadata["notification.waiting"] } == ["3"])
        }
    }

    @Test("After the last attempt, a notification is discarded; one may be discarded at once")
    func giveUp() async throws {
        let world = try NotificationWorld()
        let seen = Recorder<NotificationEvent>()
        var router = NotificationRouter()
        router.handle([.info]) { event in
            seen.record(event)
            if event.eventType == "odd" { throw NotificationRejection.discard(reason: "it is odd") }
            if event.eventType != "good" { throw Oops() }
        }
        var configuration = NotificationListenerConfiguration()
        configuration.maximumAttempts = 3
        configuration.maximumConcurrency = 1
        configuration.requeueDelay = .milliseconds(1)
        try await world.run(world.listener(configuration: configuration, router)) {
            await world.notifier.info("bad")
            _ = try await seen.take(3)
            await world.notifier.info("odd")
            await world.notifier.info("good")
            #expect(try await seen.take(2).map(\.eventType) == ["odd", "good"])
            let reasons = world.network.deadLetters(in: "test").map(\.reason)
            #expect(reasons.count == 2 && reasons[0].contains("3 times") && reasons[1] == "it is odd")
        }
    }

    @Test("A dead letter that is put back is handled, and not taken for a duplicate")
    func deadLetterRetried() async throws {
        let world = try NotificationWorld()
        let seen = Recorder<NotificationEvent>()
        var router = NotificationRouter()
        router.handle([.info]) { event in
            seen.record(event)
            if event.eventType == "odd" { throw NotificationRejection.discard(reason: "it is odd") }
            if event.eventType == "bad" { throw Oops() }
        }
        var configuration = NotificationListenerConfiguration()
        configuration.maximumAttempts = 1
        configuration.maximumConcurrency = 1
        try await world.run(world.listener(configuration: configuration, router)) {
            for type in ["odd", "bad"] {
                await world.notifier.info(type)
                // Handled after it, so that it is among the dead letters.
                await world.notifier.info("good")
                #expect(try await seen.take(2).map(\.eventType) == [type, "good"])
                let letter = try #require(world.network.deadLetters(in: "test").last)
                try await world.connection.transport.publish(
                    letter.message, to: .notifications(Topic("notifications.info")))
                await world.notifier.info("last")
                #expect(try await seen.next().eventType == type)
                #expect(try await seen.next().eventType == "last")
            }
        }
    }

    @Test("What was held because of a discarded notification is discarded with it, and the next is new")
    func discardedDuplicates() async throws {
        let settlements = Locked<[Settlement]>([])
        let message = OsloNotification(
            NotificationEvent("e", priority: .info, publisherID: "p"), format: .v2
        ).message()
        var router = NotificationRouter()
        router.handle([.info]) { _ in throw NotificationRejection.discard(reason: "odd") }
        let handling = NotificationHandling(
            try makeConnection(network: InProcessNetwork()), router: router,
            configuration: NotificationListenerConfiguration(), logger: quietLogger)
        func makeDelivery() -> Delivery {
            Delivery(message: message) { settlement throws(TransportError) in
                settlements.withLock { $0.append(settlement) }
            }
        }
        let first = try #require(await handling.take(makeDelivery(), from: "notifications.info"))
        let second = await handling.take(makeDelivery(), from: "notifications.info")
        #expect(second == nil)
        _ = await handling.handle([first])
        #expect(settlements.withLock { $0 } == [.discard(reason: "odd"), .discard(reason: "odd")])
        let third = await handling.take(makeDelivery(), from: "notifications.info")
        #expect(third != nil)
    }

    @Test("A notification that always fails takes no others of its batch to the dead letters")
    func poisonInBatch() async throws {
        let world = try NotificationWorld()
        let handled = Recorder<[NotificationEvent]>()
        var router = NotificationRouter()
        router.handleBatches([.info]) { batch in
            if batch.contains(where: { $0.eventType == "poison" }) { throw Oops() }
            handled.record(batch)
        }
        var configuration = NotificationListenerConfiguration()
        configuration.maximumAttempts = 3
        configuration.maximumConcurrency = 1
        configuration.batchSize = 3
        configuration.batchTimeout = .seconds(3600)
        configuration.requeueDelay = .milliseconds(1)
        try await world.run(world.listener(configuration: configuration, router)) {
            for type in ["a", "poison", "b"] { await world.notifier.info(type) }
            let healthy = try await handled.take(2).flatMap { $0 }
            #expect(Set(healthy.map(\.eventType)) == ["a", "b"] && healthy.count == 2)
            try await yieldsWhile { world.network.deadLetters(in: "test").isEmpty }
            #expect(world.network.deadLetters(in: "test").count == 1)
            // What has not failed goes in batches as ever.
            for type in ["c", "d", "e"] { await world.notifier.info(type) }
            #expect(try await handled.next().map(\.eventType) == ["c", "d", "e"])
        }
    }

    @Test("What is no notification is discarded with a reason, and stops nothing")
    func unreadable() async throws {
        let world = try NotificationWorld()
        let seen = Recorder<NotificationEvent>()
        var configuration = NotificationListenerConfiguration()
        configuration.maximumConcurrency = 1
        try await world.run(world.listener(configuration: configuration, .recording(seen))) {
            let address = Address.notifications(Topic("notifications.info"))
            let bodies = [
                "", "{", "[]", #"{"priority": "LOUD"}"#, #"{"priority": null}"#,
                #"{"oslo.version": "3.0", "oslo.message": "{}"}"#,
                #"{"priority": "INFO", "payload": {"__type__": "odd", "__value__": 1}}"#,
            ]
            for body in bodies {
                try await world.connection.transport.publish(Message(body: Array(body.utf8)), to: address)
            }
            await world.notifier.info("good")
            #expect(try await seen.next().eventType == "good")
            #expect(world.network.deadLetters(in: "test").count == bodies.count)
        }
    }

    @Test("A duplicate is acknowledged and not handled again")
    func duplicates() async throws {
        let world = try NotificationWorld()
        let seen = Recorder<NotificationEvent>()
        var configuration = NotificationListenerConfiguration()
        configuration.maximumConcurrency = 1
        configuration.prefetch = 1
        try await world.run(world.listener(configuration: configuration, .recording(seen))) {
            let message = OsloNotification(
                NotificationEvent("twice", priority: .info, publisherID: "p"), format: .v2
            ).message()
            let address = Address.notifications(Topic("notifications.info"))
            for _ in 0..<3 { try await world.connection.transport.publish(message, to: address) }
            await world.notifier.info("last")
            // With a prefetch of 1, a duplicate that was left unacknowledged would hold this one up.
            #expect(try await seen.take(2).map(\.eventType) == ["twice", "last"])
        }
    }

    @Test("A duplicate of what is at work waits for the outcome, and is handled when that failed")
    func ledger() throws {
        let message = OsloNotification(
            NotificationEvent("e", priority: .info, publisherID: "p"), format: .v2
        ).message()
        let ledger = NotificationLedger(capacity: 10, lifetime: .seconds(60))
        func make() throws -> ReceivedNotification {
            try ReceivedNotification(Delivery(message: message) { _ throws(TransportError) in }, from: "q")
        }
        let (first, second, third) = (try make(), try make(), try make())
        #expect(ledger.begin(first) == .new)
        #expect(ledger.begin(second) == .held && ledger.begin(third) == .held)
        #expect(ledger.fail(first) == 1)
        #expect(ledger.finish(first, handled: false).count == 1)
        #expect(ledger.finish(second, handled: true).count == 1)
        #expect(try ledger.begin(make()) == .duplicate)
    }

    @Test("Of what comes again and again while it is at work, the newest are held and the others are settled")
    func heldDeliveries() throws {
        let message = OsloNotification(
            NotificationEvent("e", priority: .info, publisherID: "p"), format: .v2
        ).message()
        let ledger = NotificationLedger(capacity: 10, lifetime: .seconds(60))
        let accepted = Locked<[Int]>([])
        func make(_ number: Int) throws -> ReceivedNotification {
            try ReceivedNotification(
                Delivery(message) { settlement, _ throws(TransportError) in
                    if settlement == .accept { accepted.withLock { $0.append(number) } }
                }, from: "notifications.info")
        }
        let first = try make(0)
        #expect(ledger.begin(first) == .new)
        let later = try (1...20).map { try make($0) }
        for received in later { #expect(ledger.begin(received) == .held) }
        #expect(accepted.withLock { $0 } == Array(1...12))
        let held = ledger.finish(first, handled: true)
        #expect(held.count == 8 && held.last === later.last)
    }
}
