import ServiceLifecycle
import SwitchboardCore
import SwitchboardInProcess
import Testing

@testable import SwitchboardMessaging

@Suite("Notifications over the in-process driver", .timeLimit(.minutes(5)))
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
}
