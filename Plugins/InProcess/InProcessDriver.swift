public import SwitchboardCore

extension DriverPlugin {
    /// The in-process driver, for `fake://NAME` and `inprocess://NAME`. The name may be empty.
    ///
    /// The options of the URL are `queue_limit` (how many messages a queue holds, 10000) and `byte_limit` (how many
    /// bytes, 256 MiB). At a limit, publishers wait.
    public static func inProcess(network: InProcessNetwork = .process) -> DriverPlugin {
        DriverPlugin(schemes: "fake", "inprocess") { url, _ throws(TransportError) in
            try InProcessDriver(url, network: network)
        }
    }
}

/// Moves messages within the process, with the semantics of a real broker: competing consumers, prefetch, requeueing,
/// time to live, bounded queues, unroutable messages.
public final class InProcessDriver: TransportDriver {
    public let monitor = TransportMonitor()

    public let capabilities: DriverCapabilities = [
        .redelivery, .ordered, .detectsUnroutable, .expires, .deadLetters, .boundedQueues, .ephemeralFanouts,
        .countsAttempts,
    ]

    private enum Phase {
        case idle, running, ended
    }

    private struct State {
        var phase = Phase.idle
        var sources: [UInt64: Deliveries.Source] = [:]
    }

    private let broker: InProcessBroker
    private let limits: InProcessQueue.Limits
    private let id: UInt64
    private let state = Locked(State())

    /// Creates a driver. Throws `invalidURL` or `invalidOption` for parts that such a URL can't have.
    public init(_ url: TransportURL, network: InProcessNetwork = .process) throws(TransportError) {
        let configuration = try InProcessConfiguration(url)
        limits = configuration.limits
        broker = network.broker(named: configuration.name)
        id = broker.makeID()
    }

    deinit {
        broker.forget(id)
    }

    public func run() async throws {
        let isFirst = state.withLock { state in
            guard state.phase == .idle else { return false }
            state.phase = .running
            return true
        }
        guard isFirst else {
            throw TransportError(.closed, "run() of an in-process transport is called once; make another transport.")
        }
        monitor.report(.ready)
        let (forever, _) = AsyncStream.makeStream(of: Never.self)
        for await _ in forever {}
        let sources = state.withLock { state in
            state.phase = .ended
            return Array(state.sources.values)
        }
        for source in sources { source.finish(throwing: Self.closed) }
        broker.abandonPublishers(of: id, Self.closed)
        monitor.report(.closed(reason: nil))
    }

    public func publish(
        _ message: Message, to address: Address, options: PublishOptions
    ) async throws(TransportError) {
        if !isRunning { try await waitUntilRunning(until: options.deadline) }
        let publication = publication(message, address, options)
        if try broker.publish(publication) { return }
        try await broker.publishWhenRoom(publication, deadline: options.deadline, owner: id)
    }

    public func publish(
        _ message: Message, to address: Address, options: PublishOptions,
        completion: @escaping @Sendable (TransportError?) -> Void
    ) -> (@Sendable () -> Void)? {
        do throws(TransportError) {
            if isRunning, try broker.publish(publication(message, address, options)) {
                completion(nil)
                return nil
            }
        } catch {
            completion(error)
            return nil
        }
        return publishInTask(message, to: address, options: options, completion: completion)
    }

    private func publication(
        _ message: Message, _ address: Address, _ options: PublishOptions
    ) -> InProcessBroker.Publication {
        .init(message: message, address: address, mandatory: options.mandatory, limits: limits)
    }

    public func withSubscription<Result: Sendable>(
        to address: Address,
        options: SubscriptionOptions,
        _ body: (Deliveries) async throws -> Result
    ) async throws -> Result {
        if !isRunning { try await waitUntilRunning(until: options.deadline) }
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
        return try await body(deliveries)
    }

    private static let closed = TransportError(
        .closed, "The in-process transport was closed: its run() has ended.")

    private var isRunning: Bool {
        state.withLock { $0.phase == .running }
    }

    /// A sleeping task keeps the deadline; who waits here does so once.
    private func waitUntilRunning(until deadline: ContinuousClock.Instant?) async throws(TransportError) {
        let states = monitor.states()
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
