import SwitchboardCore

/// A copy of the in-process driver, with bugs to choose from.
///
/// Moves messages within the process, with a real broker's semantics: competing consumers, prefetch, requeueing, time to
/// live, bounded queues, unroutable messages.
final class MutantDriver: TransportDriver {
    let monitor = TransportMonitor()

    var capabilities: DriverCapabilities {
        let honest: DriverCapabilities = [
            .redelivery, .ordered, .detectsUnroutable, .expires, .deadLetters, .boundedQueues, .ephemeralFanouts,
            .countsAttempts,
        ]
        return switch mutation {
        case .unroutableUnclaimed: honest.subtracting(.detectsUnroutable)
        case .redeliveryUnclaimed: honest.subtracting(.redelivery)
        case .boundsUnclaimed: honest.subtracting(.boundedQueues)
        case .reconnectsClaimed: honest.union(.reconnects)
        case .claimsGrow where isRunning: honest.union(.durable)
        default: honest
        }
    }

    private enum Phase {
        case idle, running, ended
    }

    private struct State {
        var phase = Phase.idle
        var hasWaiters = false
        var sources: [UInt64: Deliveries.Source] = [:]
    }

    private let broker: MutantBroker
    private let limits: MutantQueue.Limits
    private let id: UInt64
    private let state = Locked(State())

    private let mutation: Mutation?

    init(_ broker: MutantBroker, queueLimit: Int = 10_000, mutation: Mutation?) {
        self.broker = broker
        self.mutation = mutation
        limits = MutantQueue.Limits(messages: queueLimit, bytes: 256 * 1024 * 1024)
        id = broker.makeID()
    }

    func run() async throws {
        let isFirst = state.withLock { state in
            guard state.phase == .idle else { return false }
            state.phase = .running
            return true
        }
        guard isFirst else {
            throw TransportError(.closed, "run() of an in-process transport is called once; make another transport.")
        }
        if mutation != .stateForgotten || state.withLock({ $0.hasWaiters }) { monitor.report(.ready) }
        let (forever, _) = AsyncStream.makeStream(of: Never.self)
        for await _ in forever {}
        if mutation == .cancellationOfRunSwallowed { await Self.ignoreCancellation(for: .seconds(4)) }
        let sources = state.withLock { state in
            state.phase = .ended
            return Array(state.sources.values)
        }
        if mutation != .deliveriesOutliveRun {
            for source in sources { source.finish(throwing: Self.closed) }
        }
        broker.abandonPublishers(of: id, Self.closed)
        monitor.report(.closed(reason: nil))
    }

    func publish(
        _ message: Message, to address: Address, options: PublishOptions
    ) async throws(TransportError) {
        if !isRunning, mutation != .publishesWithoutRun {
            try await waitUntilRunning(until: mutation == .deadlineIgnored ? nil : options.deadline)
        }
        try await broker.publish(
            .init(message: message, address: address, mandatory: options.mandatory, limits: limits),
            deadline: options.deadline, owner: id)
    }

    func publish(
        _ message: Message, to address: Address, options: PublishOptions,
        completion: @escaping @Sendable (TransportError?) -> Void
    ) -> (@Sendable () -> Void)? {
        publishInTask(message, to: address, options: options) { [mutation] error in
            if mutation == .outcomeForgotten, error != nil { return }
            completion(error)
            if mutation == .outcomeToldTwice { completion(error) }
        }
    }

    func withSubscription<Result: Sendable>(
        to address: Address,
        options: SubscriptionOptions,
        _ body: (Deliveries) async throws -> Result
    ) async throws -> Result {
        if !isRunning {
            try await waitUntilRunning(until: mutation == .deadlineOfSubscriptionIgnored ? nil : options.deadline)
        }
        let (deliveries, source) = Deliveries.makeSequence()
        let subscription = broker.subscribe(to: address, prefetch: options.prefetch, source: source)
        defer {
            state.withLock { _ = $0.sources.removeValue(forKey: subscription) }
            source.finish()
            broker.unsubscribe(subscription)
        }
        let isRunning = state.withLock { state in
            state.sources[subscription] = source
            return state.phase == .running
        }
        // `run()` may have ended while we subscribed.
        guard isRunning else { throw Self.closed }
        do {
            return try await withTaskCancellationHandler {
                try await body(deliveries)
            } onCancel: {
                if mutation == .cancellationGivesBack { broker.unsubscribe(subscription) }
            }
        } catch {
            if mutation == .errorOfBodyReplaced { throw Self.closed }
            throw error
        }
    }

    private static let closed = TransportError(
        .closed, "The in-process transport was closed: its run() has ended.")

    private var isRunning: Bool {
        state.withLock { $0.phase == .running }
    }

    /// What bugs do that ignore cancellation; ends, so that a test run does.
    private static func ignoreCancellation(for duration: Duration) async {
        await Task { try? await Task.sleep(for: duration) }.value
    }

    /// A sleeping task keeps the deadline; who waits here does so once.
    private func waitUntilRunning(until deadline: ContinuousClock.Instant?) async throws(TransportError) {
        if mutation == .refusesBeforeRun { throw TransportError(.unavailable, "Not running.") }
        if mutation == .closedTakenForDown, case .closed = monitor.state {
            throw TransportError(.unavailable, "Not running.")
        }
        if mutation == .cancellationSwallowed { await Self.ignoreCancellation(for: .seconds(4)) }
        let states = monitor.states()
        state.withLock { $0.hasWaiters = true }
        let isReady = await withTaskGroup(of: Bool?.self) { group in
            group.addTask {
                for await state in states {
                    if case .closed = state { return false }
                    if state == .ready { return true }
                }
                return false
            }
            if let deadline {
                group.addTask {
                    try? await Task.sleep(until: deadline, clock: .continuous)
                    return nil
                }
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
        if Task.isCancelled { throw TransportError(.cancelled, "The task was cancelled before the transport ran.") }
        switch isReady {
        case true?: return
        case false?: throw Self.closed
        case nil:
            throw TransportError(
                .unavailable,
                "The in-process transport is \(monitor.state) and was not run until the deadline: call its run(), or "
                    + "list it in a ServiceGroup.")
        }
    }
}
