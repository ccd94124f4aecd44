import SwitchboardCore
import SwitchboardSpool
import SwitchboardTesting
import Testing

@testable import SwitchboardMessaging

@Suite("Notifications over the file spool", .timeLimit(.minutes(2)))
struct NotificationSpoolTests {
    /// Worlds over one directory; each has a connection of its own, as processes would.
    private func withSpool(
        _ body: (@Sendable () throws -> NotificationWorld) async throws -> Void
    ) async throws {
        let directory = try ScratchDirectory(prefix: "switchboard-notifications")
        defer { directory.remove() }
        let path = directory.path
        try await body {
            NotificationWorld(
                connection: try MessageQueueConnection(
                    TransportURL("spool://\(path)/spool"), drivers: DriverRegistry(.spool()), logger: quietLogger))
        }
    }

    @Test("What one process notifies, of every priority, a later one gets")
    func priorities() async throws {
        try await withSpool { makeWorld in
            let world = try makeWorld()
            try await world.run {
                for priority in NotificationPriority.allCases {
                    try await world.notifier.send(priority, "e.\(priority)", ["n": 1])
                }
            }
            let later = try makeWorld()
            let seen = Recorder<NotificationEvent>()
            try await later.run(later.listener(.recording(seen))) {
                let events = try await seen.take(7)
                #expect(Set(events.map(\.priority)) == .all)
                #expect(events.allSatisfy { $0.eventType == "e.\($0.priority)" && $0.payload == ["n": 1] })
            }
        }
    }

    @Test("Several topics of one listener, and pools with a copy each")
    func topicsAndPools() async throws {
        try await withSpool { makeWorld in
            let world = try makeWorld()
            let (one, two, own) = (
                Recorder<NotificationEvent>(), Recorder<NotificationEvent>(), Recorder<NotificationEvent>()
            )
            func listener(_ pool: String?, _ recorder: Recorder<NotificationEvent>) -> NotificationListener {
                var configuration = NotificationListenerConfiguration()
                configuration.pool = pool
                return world.listener(
                    topics: [Topic("a"), Topic("b")], configuration: configuration, .recording(recorder, [.info]))
            }
            try await world.run(listener("pool1", one), listener("pool2", two), listener(nil, own)) {
                for number in 0..<5 {
                    try await world.notifier(to: "a").send(.info, "a\(number)")
                    try await world.notifier(to: "b").send(.info, "b\(number)")
                }
                for recorder in [one, two, own] {
                    let events = try await recorder.take(10)
                    #expect(Set(events.map(\.eventType)).count == 10)
                }
            }
        }
    }

    @Test("Listeners on different topics get only theirs")
    func independentTopics() async throws {
        try await withSpool { makeWorld in
            let world = try makeWorld()
            let recorders = ["a": Recorder<NotificationEvent>(), "b": Recorder()]
            func listener(_ topic: String) -> NotificationListener {
                world.listener(topics: [Topic(topic)], .recording(recorders[topic]!, [.info]))
            }
            try await world.run(listener("a"), listener("b")) {
                for number in 0..<4 {
                    for topic in recorders.keys { try await world.notifier(to: topic).send(.info, "\(topic)\(number)") }
                }
                for (topic, recorder) in recorders {
                    let events = try await recorder.take(4)
                    #expect(Set(events.map(\.eventType)) == Set((0..<4).map { "\(topic)\($0)" }))
                }
            }
        }
    }

    @Test("Listeners of two processes share the notifications of one topic: each comes once")
    func sharing() async throws {
        try await withSpool { makeWorld in
            let (one, two) = (try makeWorld(), try makeWorld())
            let seen = Recorder<String>()
            // Each holds its first until the other has one too, so that both must get some.
            let first = Locked<Set<String>>([])
            let (barrier, open) = AsyncStream.makeStream(of: Never.self)
            func listener(_ world: NotificationWorld, _ name: String) -> NotificationListener {
                var router = NotificationRouter()
                router.handle([.info]) { event in
                    let both = first.withLock { names in
                        names.insert(name)
                        return names.count == 2
                    }
                    if both { open.finish() }
                    for await _ in barrier {}
                    seen.record(name + (event.eventType ?? ""))
                }
                var configuration = NotificationListenerConfiguration()
                configuration.maximumConcurrency = 1
                configuration.prefetch = 1
                return world.listener(configuration: configuration, router)
            }
            let (a, b) = (listener(one, "a"), listener(two, "b"))
            try await one.run(a) {
                try await two.run(b) {
                    for number in 0..<8 { try await one.notifier.send(.info, "\(number)") }
                    let events = try await seen.take(8)
                    #expect(Set(events.map { $0.dropFirst() }).count == 8)
                    #expect(Set(events.map { $0.prefix(1) }) == ["a", "b"])
                }
            }
        }
    }

    @Test("205 notifications make batches of 100, 100 and 5; a batch that was sent back comes again")
    func batches() async throws {
        try await withSpool { makeWorld in
            let world = try makeWorld()
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
            // Longer than a busy machine takes for a batch.
            configuration.batchTimeout = .seconds(5)
            let listener = world.listener(configuration: configuration, router)
            try await world.run {
                for number in 0..<205 { try await world.notifier.send(.info, "\(number)") }
                try await world.run(alreadyRunning: listener) {
                    let first = try await seen.take(1)[0]
                    #expect(first.count == 100)
                    var handled: [NotificationEvent] = []
                    while handled.count < 205 { handled += try await seen.take(1)[0] }
                    #expect(Set(handled.map(\.eventType)).count == 205)
                    let again = handled.filter { $0.isRedelivered }
                    #expect(Set(again.map(\.id)) == Set(first.map(\.id)))
                }
            }
        }
    }
}
