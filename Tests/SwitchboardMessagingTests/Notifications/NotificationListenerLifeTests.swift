import ServiceLifecycle
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardTesting
import Testing

@testable import SwitchboardMessaging

@Suite("A notification listener's bounds and its end", .timeLimit(.minutes(5)))
struct NotificationListenerLifeTests {
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

    @Test("What waits for another attempt when its listener ends goes back as failed, however long that takes")
    func waiting() async throws {
        struct Poisoned: Error {}
        let url = try TransportURL("fake://x")
        let driver = InterceptedDriver(try InProcessDriver(url, network: InProcessNetwork())) { hooks in
            hooks.subscribe = { subscription, below in
                below.subscribe(
                    Subscription(relaying: subscription) { delivery in
                        subscription.append(
                            Delivery(
                                delivery.message, isRedelivered: delivery.isRedelivered, attempt: delivery.attempt,
                                token: 0, settler: LateSettler(delivery)))
                    })
            }
        }
        let world = NotificationWorld(
            connection: MessageQueueConnection(
                Transport(driver: driver, url: url, logger: quietLogger), logger: quietLogger))
        let seen = Recorder<Void>()
        var router = NotificationRouter()
        router.handle([.info]) { _ in
            seen.record(())
            throw Poisoned()
        }
        var configuration = NotificationListenerConfiguration()
        (configuration.requeueDelay, configuration.maximumRequeueDelay) = (.seconds(3600), .seconds(3600))
        let listener = world.listener(configuration: configuration, router)
        try await world.run {
            let group = ServiceGroup(services: [listener], gracefulShutdownSignals: [], logger: quietLogger)
            async let run: Void = group.run()
            try await listener.waitUntilListening()
            for number in 0..<10 { await world.notifier.info("\(number)") }
            _ = try await seen.take(10)
            await group.triggerGracefulShutdown()
            try await run
            let attempts = try await world.connection.transport.withSubscription(
                to: .notifications(Topic("notifications").notifications(.info))
            ) { deliveries in
                var attempts: [Int?] = []
                for try await delivery in deliveries {
                    attempts.append(delivery.attempt)
                    if attempts.count == 10 { break }
                }
                return attempts
            }
            #expect(attempts == Array(repeating: 2, count: 10))
        }
    }
}

/// Requeues a delivery a moment later.
private final class LateSettler: DeliverySettler {
    private let delivery: Delivery

    init(_ delivery: Delivery) {
        self.delivery = delivery
    }

    var recordsAtOnce: Bool { false }

    func settle(
        _ token: UInt64, _ settlement: Settlement, completion: (@Sendable (TransportError?) -> Void)?
    ) throws(TransportError) {
        Task { [delivery] in
            if settlement == .requeue { try await Task.sleep(for: .milliseconds(100)) }
            do throws(TransportError) {
                try await delivery.settle(settlement)
                completion?(nil)
            } catch {
                completion?(error)
            }
        }
    }
}
