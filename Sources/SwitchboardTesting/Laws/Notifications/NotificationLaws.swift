import ServiceLifecycle
import SwitchboardCore
import SwitchboardMessaging

/// The laws of notifications over any driver: what a listener may count on when its handlers fail, and when it ends.
public enum NotificationLaws {
    /// All of them, in the order of their groups.
    public static let all: [DriverLaw] = [
        DriverLaw(
            "A notification that always fails is given up after its listener's limit of attempts, with a line in the log",
            .notifications
        ) { bench in
            let (tally, records) = (Tally(), Records())
            try await bench.withListener(attempts: 3, tally, records) { notifier in
                await notifier.info("poison")
                await notifier.info("last")
                try await bench.within("the last attempt") { try await tally.wait(for: 4) }
                try await bench.within("the line in the log") {
                    while records.givenUp == 0 { try await Task.sleep(for: .milliseconds(5)) }
                }
            }
            try bench.requireEqual(tally.entries.count { $0 == "poison" }, 3, "how often it was handled")
            try bench.requireEqual(records.givenUp, 1, "how often it was given up")
        },
        DriverLaw(
            "Attempts at a notification add up over restarts of its listener", .notifications, proves: .countsAttempts
        ) { bench in
            let records = Records()
            var handled = 0
            for life in 1...3 where records.givenUp == 0 {
                let tally = Tally()
                // What waits for its time when the listener ends has failed all the same.
                try await bench.withListener(attempts: 3, delay: .seconds(600), tally, records) { notifier in
                    if life == 1 { await notifier.info("poison") }
                    try await bench.within("attempt \(life)") { try await tally.wait(for: 1) }
                    if life == 3 {
                        try await bench.within("the line in the log") {
                            while records.givenUp == 0 { try await Task.sleep(for: .milliseconds(5)) }
                        }
                    }
                }
                handled += tally.entries.count
            }
            // It may come to an ending listener once more, which gives it back unhandled.
            let least = bench.world.countsReleases ? 2 : 3
            try bench.require((least...3).contains(handled), "it was handled \(handled) times instead of 3.")
            try bench.requireEqual(records.givenUp, 1, "how often it was given up")
        },
        DriverLaw(
            "A notification that a listener returns at shutdown does not count as an attempt", .notifications,
            proves: .countsAttempts
        ) { bench in
            let (begun, mayEnd) = (Tally(), Latch())
            var router = NotificationRouter()
            router.handle([.info]) { event in
                begun.add(event.eventType ?? "")
                try await mayEnd.wait()
            }
            var configuration = NotificationListenerConfiguration()
            configuration.maximumConcurrency = 1
            configuration.prefetch = 3
            let connection = try bench.makeConnection()
            let listener = NotificationListener(
                connection, topics: [bench.topic], router: router, configuration: configuration, logger: bench.logger)
            let group = ServiceGroup(services: [listener], logger: bench.logger)
            try await bench.withRunning(connection) {
                let run = Task { try await group.run() }
                defer { run.cancel() }
                try await listener.waitUntilListening(timeout: bench.patience)
                let notifier = bench.notifier(on: connection)
                for type in ["begun", "taken", "taken"] {
                    await notifier.info(type)
                }
                try await bench.within("the first notification") { try await begun.wait(for: 1) }
                await group.triggerGracefulShutdown()
                mayEnd.open()
                try await bench.within("the end of the listener") { try await run.value }
            }
            let left = 3 - begun.entries.count
            try await bench.withTransport { transport in
                let address = Address.notifications(Topic("\(bench.topic.name).info", exchange: bench.topic.exchange))
                try await bench.withInbox(transport, address) { inbox in
                    for delivery in try await inbox.take(left) {
                        let attempt = delivery.attempt ?? 0
                        try bench.require(
                            attempt == 1 || bench.world.countsReleases && attempt > 1,
                            "what nobody had handled is at attempt \(attempt).")
                        try await delivery.accept()
                    }
                }
            }
        },
    ]
}

extension LawBench {
    func notifier(on connection: MessageQueueConnection) -> Notifier {
        Notifier(publisherID: "laws", drivers: [.messagingV2(connection, topics: [topic])], logger: logger)
    }

    /// Runs a listener, whose handler tells `tally` each event's type, and fails for those of the type `poison`.
    fileprivate func withListener(
        attempts: Int, delay: Duration = .milliseconds(1), _ tally: Tally, _ records: Records,
        _ body: (Notifier) async throws -> Void
    ) async throws {
        struct Poisoned: Error {}
        var router = NotificationRouter()
        router.handle([.info]) { event in
            tally.add(event.eventType ?? "")
            if event.eventType == "poison" { throw Poisoned() }
        }
        var configuration = NotificationListenerConfiguration()
        configuration.maximumAttempts = attempts
        configuration.requeueDelay = delay
        configuration.maximumRequeueDelay = delay
        let connection = try makeConnection()
        let listener = NotificationListener(
            connection, topics: [topic], router: router, configuration: configuration, logger: records.logger)
        let group = ServiceGroup(services: [listener], logger: logger)
        try await withRunning(connection) {
            let run = Task { try await group.run() }
            defer { run.cancel() }
            try await listener.waitUntilListening(timeout: patience)
            try await body(notifier(on: connection))
            await group.triggerGracefulShutdown()
            try await within("the end of the listener") { try await run.value }
        }
    }
}

extension Records {
    fileprivate var givenUp: Int { entries.count { $0.message == "Notification given up" } }
}
