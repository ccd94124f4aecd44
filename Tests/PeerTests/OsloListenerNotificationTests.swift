#if RabbitMQ
    import Logging
    import SwitchboardCore
    import SwitchboardMessaging
    import SwitchboardTesting
    import Testing

    @Suite("A Swift notifier and an unmodified oslo.messaging listener", .timeLimit(.minutes(3)))
    struct OsloListenerNotificationTests {
        private static let payload: JSONValue = [
            "text": "grüße\u{1F600}\u{0}\"\\", "list": [1, 2.5, nil, true], "deep": ["a": [:]],
        ]

        @Test("Every priority arrives as it was sent, in both formats", arguments: ["messaging", "messagingv2"])
        func priorities(_ driver: String) async throws {
            try await NotificationWorld.withWorld { world in
                var context = RequestContext(userID: "alice", projectID: "p1", roles: ["member"])
                context.authToken = "t0ken-5ecret"
                try await world.withOsloListener { peer in
                    for priority in NotificationPriority.allCases {
                        try await world.notifier(driver).send(
                            priority, "e.\(priority)", Self.payload, context: context)
                    }
                    let events = try await peer.notifications(7)
                    #expect(
                        Set(events.compactMap { $0["priority"]?.string })
                            == Set(NotificationPriority.allCases.map(\.rawValue)))
                    for event in events {
                        #expect(event["event_type"]?.string == event["priority"]?.string.map { "e." + $0 })
                        #expect(event["publisher"] == "swift.host" && event["payload"] == Self.payload)
                        #expect(event["context"]?["user_id"] == "alice")
                        #expect(event["context"]?["request_id"] == .string(context.requestID))
                        #expect(event["context"]?["auth_token"] == .null)
                        #expect(!event.description.contains("5ecret"))
                        #expect(event["metadata"]?["message_id"]?.string?.count == 36)
                        #expect(event["metadata"]?["timestamp"]?.string?.count == 26)
                    }
                }
            }
        }

        @Test("What is sent before anybody listens is not lost")
        func beforeListening() async throws {
            try await NotificationWorld.withWorld { world in
                try await world.notifier(topics: ["a", "b"]).send(.info, "early", ["n": 1])
                try await world.waitForQueue("a.info", ready: 1)
                try await world.withOsloListener(topics: ["a", "b"]) { peer in
                    let events = try await peer.notifications(2)
                    #expect(events.allSatisfy { $0["event_type"] == "early" && $0["payload"] == ["n": 1] })
                    #expect(events[0]["metadata"] == events[1]["metadata"])
                }
            }
        }

        @Test("An oslo listener that requeues gets it again")
        func requeue() async throws {
            try await NotificationWorld.withWorld { world in
                try await world.withOsloListener(["--requeue-first"]) { peer in
                    try await world.notifier().send(.info, "again")
                    let events = try await peer.notifications(2)
                    #expect(events.map { $0["requeued"] } == [true, false])
                    #expect(events[0]["metadata"] == events[1]["metadata"])
                    try await world.waitForQueue("notifications.info", ready: 0)
                }
            }
        }

        @Test("Oslo listeners on different topics get only theirs")
        func independentTopics() async throws {
            try await NotificationWorld.withWorld { world in
                try await world.withOsloListener(topics: ["a"]) { a in
                    try await world.withOsloListener(topics: ["b"]) { b in
                        for number in 0..<4 {
                            try await world.notifier(topics: ["a"]).send(.info, "a\(number)")
                            try await world.notifier(topics: ["b"]).send(.info, "b\(number)")
                        }
                        for (peer, letter) in [(a, "a"), (b, "b")] {
                            let types = try await peer.notifications(4).map { $0["event_type"]?.string }
                            #expect(Set(types) == Set((0..<4).map { "\(letter)\($0)" }))
                        }
                        for peer in [a, b] { #expect(peer.count { $0["event"]?.string == "notification" } == 0) }
                    }
                }
            }
        }

        @Test("205 notifications make oslo batches of 100, 100 and 5; the batch that oslo requeued comes again")
        func batches() async throws {
            try await NotificationWorld.withWorld { world in
                for number in 0..<205 { try await world.notifier().send(.info, "\(number)") }
                try await world.waitForQueue("notifications.info", ready: 205)
                try await world.withOsloListener(["--batch", "100", "--batch-timeout", "3"]) { peer in
                    let batches = try await peer.batches(of: 205)
                    #expect(batches.map(\.count) == [100, 100, 5])
                    #expect(batches.flatMap { $0 } == (0..<205).map { "\($0)" })
                    try await world.waitForQueue("notifications.info", ready: 0)
                }
                for number in 0..<10 { try await world.notifier().send(.error, "\(number)") }
                let options = ["--batch", "10", "--batch-timeout", "1", "--requeue-first"]
                try await world.withOsloListener(options) { peer in
                    let types = try await peer.batches(of: 20).flatMap { $0 }
                    #expect(types.count == 20 && Set(types).count == 10)
                    try await world.waitForQueue("notifications.error", ready: 0)
                }
            }
        }

        @Test("An oslo pool and a Swift pool each get a copy; two oslo listeners of one pool share theirs")
        func pools() async throws {
            try await NotificationWorld.withWorld { world in
                let seen = Recorder<NotificationEvent>()
                var router = NotificationRouter()
                router.handle([.info]) { seen.record($0) }
                var configuration = NotificationListenerConfiguration()
                configuration.pool = "swift"
                try await world.withListeners(world.listener(configuration: configuration, router)) {
                    try await world.withOsloListener(["--pool", "python"]) { one in
                        try await world.withOsloListener(["--pool", "python"]) { two in
                            for number in 0..<8 { try await world.notifier().send(.info, "\(number)") }
                            let events = try await seen.take(8)
                            #expect(Set(events.map(\.eventType)).count == 8)
                            try await world.waitForQueue("python", ready: 0)
                            let isNotification: @Sendable (JSONValue) -> Bool = {
                                $0["event"]?.string == "notification"
                            }
                            // Acknowledged means that the events were printed before.
                            var count = 0
                            while count < 8 {
                                count = one.count(where: isNotification) + two.count(where: isNotification)
                            }
                            #expect(count == 8)
                        }
                    }
                }
                // The topic's own queue kept its copies, as nobody listens there.
                try await world.waitForQueue("notifications.info", ready: 8)
            }
        }

        @Test("A Swift listener and an oslo listener of one topic share its notifications, each gets some")
        func sharing() async throws {
            try await NotificationWorld.withWorld { world in
                let ours = Locked<Set<String>>([])
                var router = NotificationRouter()
                router.handle { event in ours.withLock { _ = $0.insert(event.eventType ?? "") } }
                try await world.withListeners(world.listener(router)) {
                    try await world.withOsloListener { peer in
                        let isNotification: @Sendable (JSONValue) -> Bool = { $0["event"]?.string == "notification" }
                        var sent = 0
                        var theirs = 0
                        // The suite's time limit is the limit of both waits.
                        while theirs == 0 || ours.withLock({ $0.isEmpty }) {
                            try await world.notifier().send(.info, "\(sent)")
                            sent += 1
                            while theirs + ours.withLock({ $0.count }) < sent {
                                try await Task.sleep(for: .milliseconds(5))
                                theirs = peer.count(where: isNotification)
                            }
                        }
                        #expect(theirs + ours.withLock { $0.count } == sent)
                    }
                }
            }
        }

        @Test("A log record arrives with Python's twelve keys", arguments: ["messaging", "messagingv2"])
        func logRecords(_ driver: String) async throws {
            try await NotificationWorld.withWorld { world in
                let publisher = NotificationLogPublisher(world.notifier(driver, publisherID: "lh"))
                let logger = Logger(label: "my.logger") { publisher.handler(label: $0, level: .debug) }
                try await world.withOsloListener { peer in
                    try await withRunning(publisher) {
                        for level in [Logger.Level.debug, .info, .warning, .error, .critical] {
                            logger.log(level: level, "should be published")
                        }
                        let events = try await peer.notifications(5)
                        #expect(
                            Set(events.compactMap { $0["priority"]?.string })
                                == ["debug", "info", "warn", "error", "critical"])
                        for event in events {
                            #expect(event["event_type"] == "logrecord" && event["publisher"] == "lh")
                            guard case .object(let payload)? = event["payload"] else {
                                Issue.record("the payload is no object: \(event)")
                                continue
                            }
                            #expect(payload.count == 12 && payload["name"] == "my.logger")
                            #expect(payload["msg"] == "should be published" && payload["lineno"]?.integer != nil)
                        }
                    }
                }
            }
        }
    }
#endif
