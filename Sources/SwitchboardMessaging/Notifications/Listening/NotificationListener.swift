public import Logging
public import ServiceLifecycle
public import SwitchboardCore

/// Hands the notifications of topics to handlers, and acknowledges each after its handlers have run.
///
/// It listens on one queue for each topic and each priority that its router has a handler for. Listeners of one topic
/// share its notifications; those of a pool share a copy of them.
public final class NotificationListener: Service {
    public let topics: [Topic]
    public let configuration: NotificationListenerConfiguration

    /// What it listens on.
    public let connection: MessageQueueConnection
    private let router: NotificationRouter
    private let handling: NotificationHandling
    private let limit: ConcurrencyLimit
    /// Entered for as long as deliveries are handled or given back: the subscriptions must outlive it.
    private let work = ConcurrencyLimit(.max)
    let life = ServiceLife()
    private let logger: Logger
    private let intake: Locked<Intake>

    private struct Intake {
        var batches: NotificationBatches<ReceivedNotification>
        /// Whether what has not begun goes back to the queue, as the listener is being shut down.
        var isDraining = false
        /// The alarm that is set, and when it rings.
        var alarm: (token: DeadlineScheduler.Token, deadline: Moment)?
        /// What waits, unsettled, for its time to go back, as it has failed.
        var waiting: [UInt64: NotificationHandling.Return] = [:]
        var nextWaiting: UInt64 = 0
        /// When the log may say next that they take all places.
        var nextCrowdLog = Moment.now
    }

    private enum Input: Sendable {
        /// Is to be handled together.
        case received([ReceivedNotification])
        /// The time of one that waits has come.
        case giveBack(UInt64)
        case alarm
        /// Nothing more is received.
        case end
    }

    private typealias Source = AsyncStream<Input>.Continuation

    /// Creates a listener.
    ///
    /// - Parameters:
    ///   - connection: the connection that it listens on. You run it yourself.
    ///   - topics: at least one topic.
    ///   - router: the handlers, at least one.
    ///   - configuration: its settings.
    ///   - logger: where it logs to.
    public init(
        _ connection: MessageQueueConnection,
        topics: [Topic] = [Topic("notifications")],
        router: NotificationRouter,
        configuration: NotificationListenerConfiguration = NotificationListenerConfiguration(),
        logger: Logger = Logger(label: "switchboard")
    ) {
        configuration.validate()
        precondition(!topics.isEmpty, "A listener needs at least one topic.")
        precondition(!router.priorities.isEmpty, "A listener's router needs at least one handler.")
        self.connection = connection
        self.topics = topics
        self.router = router
        self.configuration = configuration
        var logger = logger
        logger[metadataKey: "notification.topics"] = "\(topics.map(\.description).joined(separator: ", "))"
        if let pool = configuration.pool { logger[metadataKey: "notification.pool"] = "\(pool)" }
        self.logger = logger
        limit = ConcurrencyLimit(configuration.maximumConcurrency)
        handling = NotificationHandling(connection, router: router, configuration: configuration, logger: logger)
        intake = Locked(
            Intake(
                batches: NotificationBatches(size: configuration.batchSize, timeout: configuration.batchTimeout)))
    }

    /// Returns when it listens: what is notified from then on arrives, to a pool too. Throws when it does not come to
    /// that within the timeout.
    public func waitUntilListening(timeout: Duration = .seconds(30)) async throws {
        try await life.waitUntilServing(on: connection, until: .now + timeout) { [topics, connection] in
            TransportError(
                .unavailable,
                "The listener of \(topics.map(\.description).joined(separator: ", ")) did not listen within "
                    + "\(timeout); the connection is \(connection.transport.state).")
        }
    }

    /// Listens until graceful shutdown, which takes nothing new, lets what was begun finish, batches that are not full
    /// included, and gives the rest back; or until cancelled, which cancels the handlers too. Called once.
    ///
    /// Waits for the connection as long as it takes. Throws a `TransportError` when a subscription
    /// cannot be made or is lost for good.
    public func run() async throws {
        do {
            try await withTaskExecutorPreference(configuration.executor) { try await listen() }
        } catch {
            life.fail(error)
            throw error
        }
        life.end(Self.stopped)
        logger.info("Notification listener stopped")
    }

    private func listen() async throws {
        let (inputs, source) = AsyncStream.makeStream(of: Input.self)
        try await withThrowingDiscardingTaskGroup { group in
            await work.enter()
            group.addTask {
                try await cancelWhenGracefulShutdown { try await self.receive(into: source) }
            }
            for await input in inputs { await self.process(input, source, &group) }
            await limit.waitUntilIdle()
            work.leave()
        }
    }

    private static let stopped = TransportError(.closed, "The notification listener was stopped.")

    // MARK: Receiving

    /// Feeds the subscriptions into one stream. When cancelled, takes nothing more, but keeps the subscriptions until
    /// what was begun has been settled.
    private func receive(into source: Source) async throws {
        defer { source.finish() }
        let queues = topics.flatMap { topic in router.priorities.map { topic.notifications($0) } }
        let addresses = queues.map { queue in
            configuration.pool.map { Address.pool($0, of: queue) } ?? .notifications(queue)
        }
        do {
            try await withSubscriptions(to: addresses[...], []) { subscriptions in
                try await receive(Array(zip(subscriptions, queues.map(\.name))), into: source)
            }
        } catch {
            // Shutdown, in whatever words; what was delivered is settled or has gone back.
            guard Task.isCancelled else { throw error }
        }
    }

    private func receive(
        _ subscriptions: [(deliveries: Deliveries, queue: String)], into source: Source
    ) async throws {
        logger.info("Notification listener listens")
        life.serve()
        var failure: (any Error)?
        do {
            try await pump(subscriptions, into: source)
        } catch {
            failure = error
        }
        intake.withLock { $0.isDraining = true }
        life.stop(failure ?? Self.stopped)
        source.yield(.end)
        source.finish()
        await work.waitUntilIdle()
        if let failure { throw failure }
    }

    private func withSubscriptions(
        to addresses: ArraySlice<Address>, _ made: [Deliveries], _ body: ([Deliveries]) async throws -> Void
    ) async throws {
        guard let address = addresses.first else { return try await body(made) }
        let options = SubscriptionOptions(prefetch: configuration.prefetch(inBatches: router.takesBatches))
        try await connection.transport.withSubscription(to: address, options: options) { deliveries in
            try await withSubscriptions(to: addresses.dropFirst(), made + [deliveries], body)
        }
    }

    private func pump(
        _ subscriptions: [(deliveries: Deliveries, queue: String)], into source: Source
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (deliveries, queue) in subscriptions {
                group.addTask {
                    for try await delivery in deliveries {
                        guard let received = await self.handling.take(delivery, from: queue) else { continue }
                        await self.forward(received, source)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Has a notification handled: alone, or together with those of the batch that it makes full. One that has failed
    /// before goes alone, so that it takes no others to the dead letters with it.
    private func forward(_ received: ReceivedNotification, _ source: Source) async {
        guard router.takesBatches else {
            source.yield(.received([received]))
            return
        }
        if handling.hasFailed(received) {
            if intake.withLock({ $0.isDraining }) { return await giveBack(received) }
            source.yield(.received([received]))
            return
        }
        let addition = intake.withLock { state in
            state.isDraining ? nil : state.batches.add(received, priority: received.event.priority, now: .now)
        }
        switch addition {
        case .full(let batch)?: source.yield(.received(batch))
        case .first?: setAlarm(source)
        case .further?: break
        case nil: await giveBack(received)
        }
    }

    // MARK: Handling

    private func process(
        _ input: Input, _ source: Source, _ group: inout ThrowingDiscardingTaskGroup<any Error>
    ) async {
        switch input {
        case .received(let batch): await begin(batch, source, &group)
        case .giveBack(let id):
            guard let due = intake.withLock({ $0.waiting.removeValue(forKey: id) }) else { break }
            await startReturn(of: due, source, &group)
        case .alarm:
            let due = intake.withLock { state in
                state.alarm = nil
                return state.batches.takeDue(now: .now)
            }
            for batch in due { await begin(batch, source, &group) }
            setAlarm(source)
        case .end:
            let rest = intake.withLock { $0.batches.takeAll() }
            for batch in rest { await begin(batch, source, &group) }
            // The end of the subscription would give them back as if nobody had handled them.
            let waiting = intake.withLock { state in
                defer { state.waiting = [:] }
                return state.waiting.values
            }
            for due in waiting { await startReturn(of: due, source, &group) }
        }
    }

    /// Gives back what has waited for its time, beside others. The subscriptions last until it is done.
    private func startReturn(
        of due: NotificationHandling.Return, _ source: Source, _ group: inout ThrowingDiscardingTaskGroup<any Error>
    ) async {
        await work.enter()
        group.addTask {
            await self.giveBack(due, source)
            self.work.leave()
        }
    }

    private func begin(
        _ batch: [ReceivedNotification], _ source: Source, _ group: inout ThrowingDiscardingTaskGroup<any Error>
    ) async {
        if await isReturned(batch) { return }
        await limit.enter()
        if await isReturned(batch) { return limit.leave() }
        group.addTask {
            let remains = await self.handling.handle(batch)
            for waiting in remains.returns { await self.keep(waiting, source) }
            self.noteCrowd(of: remains.returns.count)
            for next in remains.next { await self.forward(next, source) }
            self.limit.leave()
        }
    }

    /// Keeps a notification, unsettled, until it is time to give it back; it goes at once when the listener is being shut down.
    private func keep(_ waiting: NotificationHandling.Return, _ source: Source) async {
        let id: UInt64? = intake.withLock { state in
            guard !state.isDraining else { return nil }
            state.nextWaiting += 1
            state.waiting[state.nextWaiting] = waiting
            return state.nextWaiting
        }
        guard let id else { return await giveBack(waiting, source) }
        _ = connection.schedule(at: waiting.at) { source.yield(.giveBack(id)) }
    }

    private func giveBack(_ waiting: NotificationHandling.Return, _ source: Source) async {
        for next in await handling.giveBack(waiting.received, isFailure: waiting.isFailure) {
            await forward(next, source)
        }
    }

    /// Says when those that wait for another attempt are all that may be taken: while that lasts, a queue with nothing wrong
    /// in it looks stuck.
    private func noteCrowd(of count: Int) {
        guard count > 0 else { return }
        let prefetch = configuration.prefetch(inBatches: router.takesBatches)
        let crowd: Int? = intake.withLock { state in
            let now = Moment.now
            guard state.waiting.count >= prefetch, now >= state.nextCrowdLog else { return nil }
            state.nextCrowdLog = now + .seconds(60)
            return state.waiting.count
        }
        guard let crowd else { return }
        logger.warning(
            """
            As many notifications as may be taken from a queue have failed and wait for another attempt; others may not \
            come through meanwhile. Have failing ones given up by maximumAttempts, or take more by prefetch
            """,
            metadata: ["notification.waiting": "\(crowd)", "notification.prefetch": "\(prefetch)"])
    }

    /// Whether what has not begun went back, as the listener is being shut down. Batches begin with their first one.
    private func isReturned(_ batch: [ReceivedNotification]) async -> Bool {
        guard !router.takesBatches, intake.withLock({ $0.isDraining }) else { return false }
        for received in batch { await giveBack(received) }
        return true
    }

    /// Gives a notification back to the queue that nobody has handled, and what was held because of it.
    private func giveBack(_ received: ReceivedNotification) async {
        var rest = [received]
        while let next = rest.popLast() { rest += await handling.giveBack(next, isFailure: false) }
    }

    /// Sets an alarm for the batch that is due first, unless one rings by then.
    private func setAlarm(_ source: Source) {
        let superseded: DeadlineScheduler.Token? = intake.withLock { state in
            guard let deadline = state.batches.nextDeadline else { return nil }
            if let alarm = state.alarm, alarm.deadline <= deadline { return nil }
            defer {
                state.alarm = (connection.schedule(at: deadline) { source.yield(.alarm) }, deadline)
            }
            return state.alarm?.token
        }
        if let superseded { connection.cancel(superseded) }
    }
}
