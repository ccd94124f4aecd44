import ServiceLifecycle
import SwitchboardCore
import SwitchboardInProcess
import Testing

@testable import SwitchboardMessaging

@Suite("Notifications over the in-process driver", .timeLimit(.minutes(1)))
struct NotificationTests {
    @Test("Every priority arrives, in both formats", arguments: [NotificationFormat.v1, .v2])
    func priorities(_ format: NotificationFormat) async throws {
        let world = try NotificationWorld(format: format)
        let seen = Recorder<NotificationEvent>()
        try await world.run(world.listener(.recording(seen))) {
            let notifier = world.notifier
            await notifier.audit("e.audit", ["n": 0])
            await notifier.debug("e.debug", ["n": 1])
            await notifier.info("e.info", ["n": 2])
            await notifier.warn("e.warn", ["n": 3])
            await notifier.error("e.error", ["n": 4])
            await notifier.critical("e.critical", ["n": 5])
            await notifier.sample("e.sample", ["n": 6])
            let events = try await seen.take(7)
            #expect(Set(events.map(\.priority)) == .all)
            for event in events {
                #expect(event.eventType == "e.\(event.priority)")
                #expect(event.publisherID == "test.host")
                #expect(
                    event.payload["n"]?.integer
                        == NotificationPriority.allCases.firstIndex(of: event.priority).map(Int64.init))
                #expect(event.timestamp != nil && event.id?.count == 36 && !event.isRedelivered)
            }
        }
    }

    @Test("The context arrives without its token")
    func context() async throws {
        let world = try NotificationWorld()
        let seen = Recorder<NotificationEvent>()
        try await world.run(world.listener(.recording(seen))) {
            var context = RequestContext(userID: "alice", projectID: "p")
            context.authToken = "t0ken-5ecret"
            context.serviceCatalog = ["t0ken-5ecret"]
            try await world.notifier.send(.info, "e", encoding: ["a": 1], context: context)
            let event = try await seen.next()
            #expect(!"\(JSONValue.object(event.context))".contains("5ecret"))
            let arrived = try event.requestContext()
            #expect(arrived.userID == "alice" && arrived.requestID == context.requestID)
            #expect(event.payload == ["a": 1])
        }
    }

    @Test("A listener on two topics gets both; a notifier to two topics sends one notification twice")
    func severalTopics() async throws {
        let world = try NotificationWorld(topics: [Topic("a"), Topic("b")])
        let seen = Recorder<NotificationEvent>()
        try await world.run(world.listener(topics: [Topic("a"), Topic("b")], .recording(seen))) {
            await world.notifier.info("both")
            let both = try await seen.take(2)
            #expect(both[0].id == both[1].id && both[0].timestampText == both[1].timestampText)
            await world.notifier(to: "a").info("one")
            await world.notifier(to: "b").info("two")
            #expect(try await Set(seen.take(2).map(\.eventType)) == ["one", "two"])
        }
    }

    @Test("Listeners on different topics, and on different exchanges, get only theirs")
    func independentTopics() async throws {
        let world = try NotificationWorld()
        let (one, two) = (Recorder<NotificationEvent>(), Recorder<NotificationEvent>())
        let other = Topic("t", exchange: "other")
        try await world.run(
            world.listener(topics: [Topic("t")], .recording(one)), world.listener(topics: [other], .recording(two))
        ) {
            for number in 0..<8 {
                await world.notifier(to: "t").info("t\(number)")
                await NotificationWorld.makeNotifier(world.connection, topics: [other]).info("o\(number)")
            }
            let (ones, twos) = (try await one.take(8), try await two.take(8))
            #expect(Set(ones.map(\.eventType)) == Set((0..<8).map { "t\($0)" }))
            #expect(Set(twos.map(\.eventType)) == Set((0..<8).map { "o\($0)" }))
        }
    }

    @Test("Two listeners of one topic share its notifications")
    func sharing() async throws {
        let world = try NotificationWorld()
        let seen = Recorder<String>()
        func listener(_ name: String) -> NotificationListener {
            var router = NotificationRouter()
            router.handle([.info]) { seen.record(name + ($0.eventType ?? "")) }
            return world.listener(router)
        }
        try await world.run(listener("a"), listener("b")) {
            for number in 0..<8 { await world.notifier.info("\(number)") }
            let events = try await seen.take(8)
            #expect(Set(events.map { $0.dropFirst() }).count == 8)
            #expect(Set(events.map { $0.prefix(1) }) == ["a", "b"])
        }
    }

    @Test("What is notified before anybody listens is not lost")
    func beforeListening() async throws {
        let world = try NotificationWorld()
        let seen = Recorder<NotificationEvent>()
        try await world.run {
            await world.notifier.info("early")
            try await world.run(alreadyRunning: world.listener(.recording(seen))) {
                let event = try await seen.next()
                #expect(event.eventType == "early")
            }
        }
    }

    @Test("Each pool gets a copy, which its members share; the topic's own queue keeps its own")
    func pools() async throws {
        let world = try NotificationWorld()
        let seen = ["pool1": Recorder<NotificationEvent>(), "pool2": Recorder(), "own": Recorder()]
        func listener(_ pool: String) -> NotificationListener {
            var configuration = NotificationListenerConfiguration()
            configuration.pool = pool == "own" ? nil : pool
            return world.listener(configuration: configuration, .recording(seen[pool]!))
        }
        try await world.run(listener("pool1"), listener("pool2"), listener("pool2"), listener("own")) {
            for number in 0..<10 { await world.notifier.info("\(number)") }
            await world.notifier.error("last")
            for recorder in seen.values {
                let events = try await recorder.take(11)
                #expect(Set(events.map(\.eventType)).count == 11)
            }
        }
    }

    @Test("Only what a filter lets through reaches a handler; the rest is acknowledged")
    func filters() async throws {
        let world = try NotificationWorld()
        let (compute, all) = (Recorder<NotificationEvent>(), Recorder<NotificationEvent>())
        var router = NotificationRouter.recording(
            compute, [.info], matching: try NotificationFilter(eventType: #"compute\."#))
        router.handle([.info]) { all.record($0) }
        var configuration = NotificationListenerConfiguration()
        configuration.maximumConcurrency = 1
        try await world.run(world.listener(configuration: configuration, router)) {
            for type in ["network.x", "compute.x", "xcompute.x", "compute.y"] { await world.notifier.info(type) }
            let (everything, filtered) = (try await all.take(4), try await compute.take(2))
            #expect(everything.map(\.eventType) == ["network.x", "compute.x", "xcompute.x", "compute.y"])
            #expect(filtered.map(\.eventType) == ["compute.x", "compute.y"])
        }
        #expect(world.network.deadLetters(in: "test").isEmpty)
    }

    // MARK: Batches

    @Test("205 notifications make batches of 100, 100 and 5")
    func batches() async throws {
        let world = try NotificationWorld()
        let seen = Recorder<[NotificationEvent]>()
        var router = NotificationRouter()
        router.handleBatches([.info]) { seen.record($0) }
        var configuration = NotificationListenerConfiguration()
        configuration.maximumConcurrency = 1
        configuration.batchTimeout = .milliseconds(300)
        try await world.run(world.listener(configuration: configuration, router)) {
            for number in 0..<205 { await world.notifier.info("\(number)") }
            let batches = try await seen.take(3)
            #expect(batches.map(\.count) == [100, 100, 5])
            #expect(batches.joined().map(\.eventType) == (0..<205).map { "\($0)" })
        }
    }

    @Test("A batch is of one priority, and a filter makes it smaller")
    func batchesByPriority() async throws {
        let world = try NotificationWorld()
        let seen = Recorder<[NotificationEvent]>()
        let each = Recorder<NotificationEvent>()
        var router = NotificationRouter()
        router.handleBatches([.info, .error], matching: try NotificationFilter(eventType: "a")) { seen.record($0) }
        router.handle([.info]) { each.record($0) }
        var configuration = NotificationListenerConfiguration()
        configuration.batchSize = 4
        configuration.batchTimeout = .milliseconds(50)
        try await world.run(world.listener(configuration: configuration, router)) {
            for type in ["a1", "b1", "a2", "b2"] { await world.notifier.info(type) }
            await world.notifier.error("a3")
            let batches = try await seen.take(2).sorted { $0.count > $1.count }
            #expect(batches.map { $0.map(\.eventType) } == [["a1", "a2"], ["a3"]])
            #expect(try await each.take(4).map(\.eventType) == ["a1", "b1", "a2", "b2"])
        }
    }

    @Test("A batch whose handler throws comes again, and only that")
    func batchRequeue() async throws {
        let world = try NotificationWorld()
        let seen = Recorder<[NotificationEvent]>()
        let isFirst = Locked(true)
        var router = NotificationRouter()
        router.handleBatches([.info]) { batch in
            seen.record(batch)
            let fails = isFirst.withLock { first in
                defer { first = false }
                return first
            }
            if fails { throw NotificationRejection.requeue }
        }
        var configuration = NotificationListenerConfiguration()
        configuration.maximumConcurrency = 1
        configuration.batchSize = 3
        configuration.batchTimeout = .milliseconds(100)
        try await world.run(world.listener(configuration: configuration, router)) {
            for number in 0..<3 { await world.notifier.info("\(number)") }
            let first = try await seen.next()
            #expect(first.count == 3 && first.allSatisfy { !$0.isRedelivered })
            var again: [NotificationEvent] = []
            while again.count < 3 { again += try await seen.next() }
            #expect(Set(again.map(\.id)) == Set(first.map(\.id)))
            #expect(again.allSatisfy { $0.isRedelivered })
            await world.notifier.info("next")
            #expect(try await seen.next().map(\.eventType) == ["next"])
        }
    }

    // MARK: Failures

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
            try ReceivedNotification(Delivery(message: message) { _ throws(TransportError) in })
        }
        let (first, second, third) = (try make(), try make(), try make())
        #expect(ledger.begin(first) == .new)
        #expect(ledger.begin(second) == .held && ledger.begin(third) == .held)
        #expect(ledger.fail(first) == 1)
        #expect(ledger.finish(first, handled: false).count == 1)
        #expect(ledger.finish(second, handled: true).count == 1)
        #expect(try ledger.begin(make()) == .duplicate)
    }

    // MARK: Bounds and shutdown

    @Test("No more than the allowed number is handled at a time")
    func concurrency() async throws {
        let world = try NotificationWorld()
        let active = Locked((now: 0, most: 0))
        let (entered, done) = (Recorder<Void>(), Recorder<Void>())
        let (barrier, open) = AsyncStream.makeStream(of: Never.self)
        var router = NotificationRouter()
        router.handle([.info]) { _ in
            active.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
            entered.record(())
            for await _ in barrier {}
            active.withLock { $0.now -= 1 }
            done.record(())
        }
        var configuration = NotificationListenerConfiguration()
        configuration.maximumConcurrency = 3
        try await world.run(world.listener(configuration: configuration, router)) {
            for number in 0..<10 { await world.notifier.info("\(number)") }
            _ = try await entered.take(3)
            open.finish()
            _ = try await done.take(10)
            #expect(active.withLock { $0.most } == 3)
        }
    }

    @Test("Shutdown finishes what was begun and leaves the rest in the queue")
    func drain() async throws {
        let world = try NotificationWorld()
        let (entered, finished) = (Recorder<NotificationEvent>(), Recorder<NotificationEvent>())
        let (barrier, open) = AsyncStream.makeStream(of: Never.self)
        var router = NotificationRouter()
        router.handle([.info]) { event in
            entered.record(event)
            for await _ in barrier {}
            finished.record(event)
        }
        var configuration = NotificationListenerConfiguration()
        configuration.maximumConcurrency = 2
        let listener = world.listener(configuration: configuration, router)
        try await world.run {
            let group = ServiceGroup(
                services: [listener], gracefulShutdownSignals: [], logger: quietLogger)
            async let run: Void = group.run()
            try await listener.waitUntilListening()
            for number in 0..<6 { await world.notifier.info("\(number)") }
            let begun = try await entered.take(2).map(\.eventType)
            await group.triggerGracefulShutdown()
            // Until it is told, it listens.
            await #expect(throws: TransportError.self) {
                while true { try await listener.waitUntilListening() }
            }
            open.finish()
            try await run
            // The two are concurrent: either may end first.
            #expect(try await Set(finished.take(2).map(\.eventType)) == Set(begun))
            let seen = Recorder<NotificationEvent>()
            try await world.run(alreadyRunning: world.listener(.recording(seen))) {
                let rest = try await seen.take(4).map(\.eventType)
                #expect(Set(rest + begun).count == 6)
                await world.notifier.info("last")
                #expect(try await seen.next().eventType == "last")
            }
        }
    }

    @Test("Shutdown hands out a batch that is not full")
    func drainBatch() async throws {
        let world = try NotificationWorld()
        let seen = Recorder<[NotificationEvent]>()
        let taken = Recorder<Void>()
        var router = NotificationRouter()
        router.handleBatches([.info]) { seen.record($0) }
        router.handle([.error]) { _ in taken.record(()) }
        var configuration = NotificationListenerConfiguration()
        configuration.batchTimeout = .seconds(3600)
        configuration.batchSize = 2
        let listener = world.listener(configuration: configuration, router)
        configuration.batchTimeout = .milliseconds(10)
        let successor = world.listener(configuration: configuration, router)
        try await world.run {
            let group = ServiceGroup(
                services: [listener], gracefulShutdownSignals: [], logger: quietLogger)
            async let run: Void = group.run()
            try await listener.waitUntilListening()
            await world.notifier.info("1")
            // A full batch of the other priority tells that the first notification has been taken, most likely; when it
            // was not, it goes back to the queue.
            await world.notifier.error("x")
            await world.notifier.error("y")
            _ = try await taken.take(2)
            await group.triggerGracefulShutdown()
            try await run
            try await world.run(alreadyRunning: successor) {
                await world.notifier.info("2")
                var events: [String?] = []
                while events.count < 2 { events += try await seen.next().map(\.eventType) }
                #expect(events == ["1", "2"])
            }
        }
    }

    @Test("A cancelled listener cancels its handlers and gives their notifications back")
    func cancellation() async throws {
        let world = try NotificationWorld()
        let (entered, seen) = (Recorder<Void>(), Recorder<NotificationEvent>())
        var router = NotificationRouter()
        router.handle([.info]) { _ in
            entered.record(())
            try await Task.sleep(for: .seconds(3600))
        }
        let listener = world.listener(router)
        try await world.run {
            let run = Task { try await listener.run() }
            try await listener.waitUntilListening()
            await world.notifier.info("e")
            _ = try await entered.next()
            run.cancel()
            _ = await run.result
            try await world.run(alreadyRunning: world.listener(.recording(seen))) {
                let event = try await seen.next()
                #expect(event.isRedelivered)
            }
        }
    }
}
