public import Logging
public import ServiceLifecycle

/// Limits and defaults of a ``Transport``.
public struct TransportConfiguration: Sendable {
    /// How long a publish may take if its caller doesn't pass a deadline.
    public var publishTimeout: Duration = .seconds(30)

    /// The largest body that is accepted, in bytes.
    public var maximumMessageSize = 64 * 1024 * 1024

    /// How many publishes may wait for a connection, or for room on it; at least 1. Others fail with `exhausted`.
    public var maximumWaitingPublishes = 100_000

    public init() {}
}

/// Publishes messages and subscribes to addresses, through the driver for its URL.
///
/// Creating a transport validates its URL and doesn't connect. ``run()`` connects and stays connected. All methods may
/// be called from any task, concurrently, even before `run()`: they wait for the connection until their deadline.
public final class Transport: Service {
    /// What it connects to. Its description masks passwords.
    public let url: TransportURL

    public let configuration: TransportConfiguration

    private let driver: any TransportDriver
    private let core: TransportCore
    private let logger: Logger

    /// Creates a transport with the registry's driver for the URL's scheme.
    ///
    /// Throws ``TransportError/Code/unknownScheme``, or the driver's error about the URL's options.
    public convenience init(
        _ url: TransportURL,
        drivers registry: DriverRegistry,
        configuration: TransportConfiguration = TransportConfiguration(),
        logger: Logger
    ) throws(TransportError) {
        self.init(
            driver: try registry.makeDriver(for: url, logger: logger), url: url, configuration: configuration,
            logger: logger)
    }

    /// Creates a transport with a driver that you made yourself.
    public convenience init(
        driver: any TransportDriver,
        url: TransportURL,
        configuration: TransportConfiguration = TransportConfiguration(),
        logger: Logger
    ) {
        self.init(driver: driver, url: url, configuration: configuration, clock: .real, logger: logger)
    }

    /// - Parameter clock: what deadlines and pauses go by; only tests have another than the real one.
    package init(
        driver: any TransportDriver, url: TransportURL, configuration: TransportConfiguration, clock: TransportClock,
        logger: Logger
    ) {
        self.url = url
        self.configuration = configuration
        self.driver = driver
        self.logger = logger
        core = TransportCore(
            driver, url: "\(url)", maximumWaiting: max(1, configuration.maximumWaitingPublishes), clock: clock)
    }

    public var capabilities: DriverCapabilities {
        driver.capabilities
    }

    /// The current state of the connection.
    public var state: TransportState {
        core.monitor.state
    }

    /// The current state of the connection, and since when it has been in it.
    public var standing: TransportStanding {
        core.monitor.standing
    }

    /// What OpenTelemetry calls the messaging system: the driver's own word, or the scheme of its URL.
    public var messagingSystem: String {
        driver.messagingSystem ?? url.scheme
    }

    /// The current state and every later one.
    public func states() -> AsyncStream<TransportState> {
        core.monitor.states()
    }

    /// Connects, and stays connected until graceful shutdown or cancellation. Called once.
    ///
    /// List a transport before the services that use it: a `ServiceGroup` shuts down in reverse order, so they have
    /// drained when it is the transport's turn. Throws the ``TransportError`` that ended it, for example `refused`.
    public func run() async throws {
        guard core.begin() else {
            throw TransportError(.closed, "run() of a transport is called once; make another transport for \(url).")
        }
        let error = await cancelWhenGracefulShutdown { await self.serve() }
        guard let error else { return core.close(closed, reason: nil) }
        logger.warning("Transport ended", metadata: ["transport.url": "\(url)", "error": "\(error)"])
        core.close(error, reason: "\(error)")
        throw error
    }

    private var closed: TransportError {
        TransportError(.closed, "The transport of \(url) was closed: its run() has ended.")
    }

    /// Keeps the connections until the task is cancelled, or one of them is refused for good: then all end.
    private func serve() async -> TransportError? {
        await withTaskGroup(of: TransportError?.self) { group in
            for index in core.roleIndices {
                group.addTask { [core, driver] in
                    do throws(TransportError) {
                        try await core.serve(index, by: driver)
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            let background = Task { [driver] in await driver.runInBackground() }
            var failure: TransportError?
            await withTaskCancellationHandler {
                while let end = await group.next() {
                    failure = failure ?? end
                    core.beginClosing(failure ?? closed)
                    group.cancelAll()
                }
            } onCancel: {
                core.beginClosing(closed)
            }
            background.cancel()
            await background.value
            return failure
        }
    }

    /// Publishes a message, and returns once the queue has accepted it.
    ///
    /// - Parameters:
    ///   - message: the message.
    ///   - address: where it goes.
    ///   - deadline: when to give up. The default is `configuration.publishTimeout` from now.
    ///   - mandatory: whether a message that no consumer takes is an error (`unroutable`).
    ///   - allowsDuplicates: whether the message may be sent again after a lost connection, so that it may arrive twice.
    ///     RPC allows it, because its receivers drop duplicates.
    /// - Throws: `unavailable` if the message was certainly not sent, `indeterminate` if the queue may have it,
    ///   `unroutable` if it has no consumer (only if `mandatory`), `exhausted` if it met a limit. The sentence says what
    ///   the publish waited for, the state of the connection, and the last reason for that state.
    public func publish(
        _ message: Message,
        to address: Address,
        deadline: ContinuousClock.Instant? = nil,
        mandatory: Bool = false,
        allowsDuplicates: Bool = false
    ) async throws(TransportError) {
        try await publish(
            message, to: address, until: deadline.map { Moment($0) }, mandatory: mandatory,
            allowsDuplicates: allowsDuplicates)
    }

    /// The same, for callers whose deadline is a ``Moment``.
    package func publish(
        _ message: Message, to address: Address, until deadline: Moment?, mandatory: Bool, allowsDuplicates: Bool
    ) async throws(TransportError) {
        let record = try record(message, address, deadline, mandatory, allowsDuplicates, isAwaited: true)
        core.accept(record)
        if record.isOver {
            if let error = record.error { throw error }
            return
        }
        let core = core
        let error = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                if !core.park(.task(continuation), on: record) { continuation.resume(returning: record.error) }
            }
        } onCancel: {
            core.cancel(record)
        }
        if let error { throw error }
    }

    /// Publishes like ``publish(_:to:deadline:mandatory:allowsDuplicates:)``, for callers that don't await it. Throws
    /// errors that are known at once.
    ///
    /// Calls `completion` once, on any thread, perhaps before this method returns, with the error that the other form
    /// would throw, or `nil`. `completion` must not block.
    ///
    /// - Returns: what cancels the publish, or `nil` if there is nothing left to cancel.
    public func publish(
        _ message: Message,
        to address: Address,
        deadline: ContinuousClock.Instant? = nil,
        mandatory: Bool = false,
        allowsDuplicates: Bool = false,
        completion: @escaping @Sendable (TransportError?) -> Void
    ) throws(TransportError) -> PendingPublish? {
        try publish(
            message, to: address, deadline: deadline, mandatory: mandatory, allowsDuplicates: allowsDuplicates,
            isAwaited: true, completion: completion)
    }

    /// Publishes like the form without `isAwaited`, which says whether the caller awaits the completion.
    ///
    /// If it doesn't, for example because a reply implies the completion, the completion may come some milliseconds late.
    /// That saves the connection most of its wake-ups.
    public func publish(
        _ message: Message,
        to address: Address,
        deadline: ContinuousClock.Instant? = nil,
        mandatory: Bool = false,
        allowsDuplicates: Bool = false,
        isAwaited: Bool,
        completion: @escaping @Sendable (TransportError?) -> Void
    ) throws(TransportError) -> PendingPublish? {
        try publish(
            message, to: address, until: deadline.map { Moment($0) }, mandatory: mandatory,
            allowsDuplicates: allowsDuplicates, isAwaited: isAwaited, completion: completion)
    }

    /// The same, for callers whose deadline is a ``Moment``.
    package func publish(
        _ message: Message, to address: Address, until deadline: Moment?, mandatory: Bool, allowsDuplicates: Bool,
        isAwaited: Bool, completion: @escaping @Sendable (TransportError?) -> Void
    ) throws(TransportError) -> PendingPublish? {
        let record = try record(message, address, deadline, mandatory, allowsDuplicates, isAwaited: isAwaited)
        record.caller = .function(completion)
        core.accept(record)
        return record.isOver ? nil : PendingPublish(record, core)
    }

    private static let closeDeadline: Duration = .milliseconds(100)

    @inline(__always)
    private func record(
        _ message: Message, _ address: Address, _ deadline: Moment?, _ mandatory: Bool,
        _ allowsDuplicates: Bool, isAwaited: Bool
    ) throws(TransportError) -> PublishRecord {
        try address.validate(for: .publishing)
        guard message.body.count <= configuration.maximumMessageSize else {
            throw TransportError(
                .messageTooLarge,
                "A message of \(message.body.count) bytes to \(address) is over the transport's limit of "
                    + "\(configuration.maximumMessageSize) bytes.")
        }
        if Task.isCancelled {
            throw TransportError(.cancelled, "The task was cancelled before a message to \(address) was sent.")
        }
        let now = core.clock.now()
        let deadline = deadline ?? now + configuration.publishTimeout
        // A late outcome must not miss its deadline.
        return PublishRecord(
            message, to: address, deadline: deadline, started: now, mandatory: mandatory,
            allowsDuplicates: allowsDuplicates, isAwaited: isAwaited || deadline < now + Self.closeDeadline, core: core)
    }

    /// Returns a mailbox whose name is unique while this transport lives.
    public func makeMailbox() -> Mailbox {
        driver.makeMailbox()
    }

    /// Runs tasks on the connection's own thread; `nil` if its driver has none. A task there doesn't wait for another
    /// thread to send or to get its reply. Only for code that never blocks and never computes for long, because all
    /// connections of that thread stand still meanwhile.
    public var taskExecutor: (any TaskExecutor)? {
        driver.taskExecutor
    }

    /// Subscribes for as long as `body` runs.
    ///
    /// The subscription is live when `body` is called: messages published from then on arrive. Waits for that until
    /// `options.deadline`, if there is one. A lost connection ends neither the subscription nor `body`; the subscription
    /// is restored. Deliveries that are unsettled when `body` ends are released: they go back to the queue, and that
    /// doesn't count as an attempt. (A fanout's copy and a mailbox end with their subscription, or some time later.) At
    /// most `options.prefetch` deliveries are unsettled at a time. Cancelling the task ends the deliveries; `body` may
    /// then return or throw.
    public func withSubscription<Result: Sendable>(
        to address: Address,
        options: SubscriptionOptions = SubscriptionOptions(),
        _ body: (Deliveries) async throws -> Result
    ) async throws -> Result {
        try address.validate(for: .subscribing)
        let (subscription, deliveries) = try await core.subscribe(to: address, options)
        do {
            let result = try await body(deliveries)
            await core.end(subscription)
            return result
        } catch {
            await core.end(subscription)
            throw error
        }
    }
}

/// A publish that isn't over yet.
public struct PendingPublish: Sendable {
    private let record: PublishRecord
    private let core: TransportCore

    init(_ record: PublishRecord, _ core: TransportCore) {
        self.record = record
        self.core = core
    }

    /// Gives the publish up, unless it is over: its completion gets `cancelled`, or `indeterminate` if the message may
    /// have been sent.
    public func cancel() {
        core.cancel(record)
    }

    /// Ends the publish as accepted, unless it is over, because the caller knows that the queue has the message: for example
    /// by a reply to it. The message isn't sent again, even if the connection is lost before the queue confirms it.
    public func conclude() {
        core.conclude(record)
    }
}
