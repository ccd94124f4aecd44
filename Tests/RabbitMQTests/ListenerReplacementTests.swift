#if RabbitMQ
import ServiceLifecycle
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardTesting
import Testing

@Suite("Listeners of notifications are replaced under load", .timeLimit(.minutes(2)))
struct ListenerReplacementTests {
    private static let count = 3000

    /// A listener with a connection of its own, run as a program would. Begins to listen when it is made.
    private struct Replica {
        let group: ServiceGroup
        let run: Task<Void, any Error>

        init(
            _ url: TransportURL, _ router: NotificationRouter, _ configuration: NotificationListenerConfiguration
        ) async throws {
            let connection = try makeConnection(url)
            let listener = NotificationListener(
                connection, router: router, configuration: configuration, logger: quietLogger)
            let group = ServiceGroup(services: [connection, listener], logger: quietLogger)
            self.group = group
            run = Task { try await group.run() }
            try await listener.waitUntilListening()
        }

        func shutDown() async throws {
            await group.triggerGracefulShutdown()
            try await run.value
        }
    }

    @Test(
        "Each notification is handled once, by one of the listeners that come and go meanwhile",
        arguments: [true, false])
    func replaced(inBatches: Bool) async throws {
        let handled = Locked<[String: Int]>([:])
        let (counts, count) = AsyncStream.makeStream(of: Int.self, bufferingPolicy: .bufferingNewest(1))
        let note: @Sendable ([NotificationEvent]) -> Void = { events in
            handled.withLock { handled in
                for event in events { handled[event.eventType ?? "", default: 0] += 1 }
                count.yield(handled.count)
            }
        }
        @Sendable func waitUntilHandled(_ target: Int) async {
            if handled.withLock({ $0.count }) >= target { return }
            for await count in counts where count >= target { return }
        }
        // How long handling takes, so that there is always some under way when a listener is shut down.
        let work = Duration.milliseconds(5)
        var router = NotificationRouter()
        if inBatches {
            router.handleBatches { events in
                try await Task.sleep(for: work)
                note(events)
            }
        } else {
            router.handle { event in
                try await Task.sleep(for: work)
                note([event])
            }
        }
        var configuration = NotificationListenerConfiguration()
        configuration.batchSize = 20
        configuration.batchTimeout = .milliseconds(50)
        configuration.maximumConcurrency = 8
        let broker = try await TestBroker.shared()
        try await broker.withVirtualHost { [router, configuration] name in
            let url = broker.url(virtualHost: name)
            let connection = try makeConnection(url)
            try await withRunning(connection) {
                let notifier = Notifier(
                    publisherID: "test.host", drivers: [.messagingV2(connection)], logger: quietLogger)
                async let sending: Void = {
                    for number in 0..<Self.count { try await notifier.send(.info, "\(number)") }
                }()
                var listener = try await Replica(url, router, configuration)
                for round in 1...6 {
                    let old = listener
                    await waitUntilHandled(round * Self.count / 10)
                    listener = try await Replica(url, router, configuration)
                    try await old.shutDown()
                }
                try await sending
                await waitUntilHandled(Self.count)
                try await listener.shutDown()
            }
        }
        let executions = handled.withLock { $0 }
        #expect(executions.count == Self.count)
        #expect(executions.filter { $0.value > 1 } == [:])
    }
}
#endif
