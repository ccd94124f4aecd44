#if RabbitMQ
    import SwitchboardCore
    import SwitchboardMessaging
    import SwitchboardTesting
    import Testing

    @Suite("An unmodified oslo.messaging notifier and a Swift listener", .timeLimit(.minutes(3)))
    struct OsloNotifierNotificationTests {
        private static let payload: JSONValue = [
            "text": "grüße\u{1F600}\u{0}\"\\", "list": [1, 2.5, nil, true], "deep": ["a": [:]],
            "big": .number(JSONNumber("1180591620717411303424")!),
        ]

        @Test("Every priority arrives as it was sent, in both formats", arguments: ["messaging", "messagingv2"])
        func priorities(_ driver: String) async throws {
            try await NotificationWorld.withWorld { world in
                let seen = Recorder<NotificationEvent>()
                var router = NotificationRouter()
                router.handle { seen.record($0) }
                try await world.withListeners(world.listener(router)) {
                    try await world.withOsloNotifier(driver) { peer in
                        for priority in NotificationPriority.allCases {
                            try await peer.notify(priority.rawValue, "e.\(priority)", Self.payload)
                        }
                        let events = try await seen.take(7)
                        #expect(Set(events.map(\.priority)) == .all)
                        for event in events {
                            #expect(event.eventType == "e.\(event.priority)" && event.publisherID == "python.host")
                            #expect(event.payload == Self.payload)
                            #expect(event.id?.count == 36 && event.timestamp != nil && event.context.isEmpty)
                        }
                    }
                }
            }
        }

        @Test("A listener on two topics gets both, and one on another topic none of them")
        func topics() async throws {
            try await NotificationWorld.withWorld { world in
                let (both, other) = (Recorder<NotificationEvent>(), Recorder<NotificationEvent>())
                var router = NotificationRouter()
                router.handle([.info]) { both.record($0) }
                var otherRouter = NotificationRouter()
                otherRouter.handle([.info]) { other.record($0) }
                try await world.withListeners(
                    world.listener(topics: ["a", "b"], router), world.listener(topics: ["c"], otherRouter)
                ) {
                    try await world.withOsloNotifier(topics: ["a", "b"]) { peer in
                        try await peer.notify("info", "one")
                        let events = try await both.take(2)
                        #expect(events[0].id == events[1].id)
                    }
                    try await world.withOsloNotifier(topics: ["c"]) { peer in
                        try await peer.notify("info", "two")
                        let events = try await other.take(1)
                        #expect(events.map(\.eventType) == ["two"])
                    }
                }
            }
        }

        @Test("Two listeners of one topic share what an oslo notifier sends, each gets some")
        func sharing() async throws {
            try await NotificationWorld.withWorld { world in
                let seen = Recorder<String>()
                func listener(_ name: String) -> NotificationListener {
                    var router = NotificationRouter()
                    router.handle([.info]) { seen.record(name + ($0.eventType ?? "")) }
                    return world.listener(router)
                }
                try await world.withListeners(listener("a"), listener("b")) {
                    try await world.withOsloNotifier { peer in
                        for number in 0..<8 { try await peer.notify("info", "\(number)") }
                        let events = try await seen.take(8)
                        #expect(Set(events.map { $0.dropFirst() }).count == 8)
                        // The broker takes the consumers of a queue in turn.
                        #expect(Set(events.map { $0.prefix(1) }) == ["a", "b"])
                    }
                }
            }
        }

        @Test("Pools each get a copy of what an oslo notifier sends, and their members share it")
        func pools() async throws {
            try await NotificationWorld.withWorld { world in
                let (one, two, own) = (
                    Recorder<NotificationEvent>(), Recorder<NotificationEvent>(), Recorder<NotificationEvent>()
                )
                func listener(_ pool: String?, _ recorder: Recorder<NotificationEvent>) -> NotificationListener {
                    var router = NotificationRouter()
                    router.handle([.info, .error]) { recorder.record($0) }
                    var configuration = NotificationListenerConfiguration()
                    configuration.pool = pool
                    return world.listener(configuration: configuration, router)
                }
                try await world.withListeners(
                    listener("pool1", one), listener("pool2", two), listener("pool2", two), listener(nil, own)
                ) {
                    try await world.withOsloNotifier { peer in
                        for number in 0..<5 {
                            try await peer.notify("info", "i\(number)")
                            try await peer.notify("error", "e\(number)")
                        }
                        for recorder in [one, two, own] {
                            let events = try await recorder.take(10)
                            #expect(Set(events.map(\.eventType)).count == 10)
                        }
                    }
                    try await world.waitForQueue("pool1", ready: 0)
                    try await world.waitForQueue("pool2", ready: 0)
                    try await world.waitForQueue("notifications.info", ready: 0)
                }
            }
        }

        @Test("205 notifications of an oslo notifier make batches of 100, 100 and 5")
        func batches() async throws {
            try await NotificationWorld.withWorld { world in
                try await world.withOsloNotifier { peer in
                    for number in 0..<205 { try peer.send(["priority": "info", "event_type": .string("\(number)")]) }
                    try await world.waitForQueue("notifications.info", ready: 205)
                }
                let seen = Recorder<[NotificationEvent]>()
                var router = NotificationRouter()
                router.handleBatches([.info]) { seen.record($0) }
                var configuration = NotificationListenerConfiguration()
                configuration.batchTimeout = .seconds(2)
                configuration.maximumConcurrency = 1
                try await world.withListeners(world.listener(configuration: configuration, router)) {
                    let batches = try await seen.take(3)
                    #expect(batches.map(\.count) == [100, 100, 5])
                    #expect(batches.joined().map(\.eventType) == (0..<205).map { "\($0)" })
                    try await world.waitForQueue("notifications.info", ready: 0)
                }
            }
        }

        @Test("A requeued notification comes again from the broker, and then is gone")
        func requeue() async throws {
            try await NotificationWorld.withWorld { world in
                let seen = Recorder<NotificationEvent>()
                var router = NotificationRouter()
                router.handle([.warn]) { event in
                    seen.record(event)
                    if !event.isRedelivered { throw NotificationRejection.requeue }
                }
                try await world.withListeners(world.listener(router)) {
                    try await world.withOsloNotifier { peer in
                        try await peer.notify("warn", "again")
                        let events = try await seen.take(2)
                        #expect(events[0].id == events[1].id && events[1].isRedelivered)
                        try await world.waitForQueue("notifications.warn", ready: 0)
                    }
                }
            }
        }

        @Test("A connection lost in mid-batch loses nothing, and what was handled is not handled twice")
        func lostConnection() async throws {
            try await NotificationWorld.withWorld { world in
                try await world.withOsloNotifier { peer in
                    for number in 0..<50 { try peer.send(["priority": "info", "event_type": .string("\(number)")]) }
                    try await world.waitForQueue("notifications.info", ready: 50)
                }
                let seen = Recorder<[NotificationEvent]>()
                let (barrier, open) = AsyncStream.makeStream(of: Never.self)
                var router = NotificationRouter()
                router.handleBatches([.info]) { batch in
                    seen.record(batch)
                    for await _ in barrier {}
                }
                var configuration = NotificationListenerConfiguration()
                configuration.batchSize = 10
                configuration.maximumConcurrency = 2
                try await world.withListeners(world.listener(configuration: configuration, router)) {
                    var events = try await seen.take(2).flatMap { $0 }
                    #expect(events.count == 20)
                    try await world.broker.cutConnections(in: world.virtualHost)
                    try await world.broker.closeConnections(in: world.virtualHost)
                    open.finish()
                    while events.count < 50 { events += try await seen.take(1).flatMap { $0 } }
                    #expect(Set(events.map(\.eventType)).count == 50)
                    try await world.waitForQueue("notifications.info", ready: 0)
                }
            }
        }
    }
#endif
