public import Logging
public import ServiceLifecycle

/// Limits and defaults of a ``Transport``.
public struct TransportConfiguration: Sendable {
    /// How long a publish may take if its caller doesn't pass a deadline.
    public var publishTimeout: Duration = .seconds(30)

    /// The largest body that is accepted, in bytes.
    public var maximumMessageSize = 64 * 1024 * 1024

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
    private let logger: Logger

    /// Creates a transport with the registry's driver for the URL's scheme.
    ///
    /// Throws ``TransportError/Code/unknownScheme``, or the driver's error about the URL's options.
    public init(
        _ url: TransportURL,
        drivers registry: DriverRegistry,
        configuration: TransportConfiguration = TransportConfiguration(),
        logger: Logger
    ) throws(TransportError) {
        self.url = url
        self.configuration = configuration
        self.driver = try registry.makeDriver(for: url, logger: logger)
        self.logger = logger
    }

    /// Creates a transport with a driver that you made yourself.
    public init(
        driver: any TransportDriver,
        url: TransportURL,
        configuration: TransportConfiguration = TransportConfiguration(),
        logger: Logger
    ) {
        self.url = url
        self.configuration = configuration
        self.driver = driver
        self.logger = logger
    }

    public var capabilities: DriverCapabilities {
        driver.capabilities
    }

    /// The current state of the connection.
    public var state: TransportState {
        driver.monitor.state
    }

    /// The current state of the connection, and since when it has been in it.
    public var standing: TransportStanding {
        driver.monitor.standing
    }

    /// What OpenTelemetry calls the messaging system: the driver's own word, or the scheme of its URL.
    public var messagingSystem: String {
        driver.messagingSystem ?? url.scheme
    }

    /// The current state and every later one.
    public func states() -> AsyncStream<TransportState> {
        driver.monitor.states()
    }

    /// Connects, and stays connected until graceful shutdown or cancellation. Called once.
    ///
    /// List a transport before the services that use it: a `ServiceGroup` shuts down in reverse order, so they have
    /// drained when it is the transport's turn. Throws the ``TransportError`` that ended it, for example `refused`.
    public func run() async throws {
        do {
            try await cancelWhenGracefulShutdown { [driver] in
                try await driver.run()
            }
        } catch is CancellationError {
            // Cancelled is how a transport ends.
        } catch {
            logger.warning(
                "Transport ended", metadata: ["transport.url": "\(url)", "error": "\(error)"])
            driver.monitor.report(.closed(reason: "\(error)"))
            throw error
        }
        driver.monitor.report(.closed(reason: nil))
    }

    /// Publishes a message, and returns once the queue has accepted it.
    ///
    /// - Parameters:
    ///   - message: the message.
    ///   - address: where it goes.
    ///   - deadline: when to give up. The default is `configuration.publishTimeout` from now.
    ///   - mandatory: whether a message that no consumer takes is an error (`unroutable`).
    ///   - allowsDuplicates: whether the driver may send the message again after a lost connection.
    /// - Throws: see ``TransportDriver/publish(_:to:options:)``.
    public func publish(
        _ message: Message,
        to address: Address,
        deadline: ContinuousClock.Instant? = nil,
        mandatory: Bool = false,
        allowsDuplicates: Bool = false
    ) async throws(TransportError) {
        let options = try options(for: message, address, deadline, mandatory, allowsDuplicates)
        try await driver.publish(message, to: address, options: options)
    }

    /// Publishes like ``publish(_:to:deadline:mandatory:allowsDuplicates:)``, for callers that don't await it. Throws
    /// errors that are known at once.
    ///
    /// Calls `completion` once, on any thread, perhaps before this method returns, with the error that the other form
    /// would throw, or `nil`. `completion` must not block.
    ///
    /// - Returns: a function that cancels the publish, or `nil` if there is nothing left to cancel.
    public func publish(
        _ message: Message,
        to address: Address,
        deadline: ContinuousClock.Instant? = nil,
        mandatory: Bool = false,
        allowsDuplicates: Bool = false,
        completion: @escaping @Sendable (TransportError?) -> Void
    ) throws(TransportError) -> (@Sendable () -> Void)? {
        let options = try options(for: message, address, deadline, mandatory, allowsDuplicates)
        return driver.publish(message, to: address, options: options, completion: completion)
    }

    private func options(
        for message: Message, _ address: Address, _ deadline: ContinuousClock.Instant?, _ mandatory: Bool,
        _ allowsDuplicates: Bool
    ) throws(TransportError) -> PublishOptions {
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
        return PublishOptions(
            deadline: deadline ?? .now + configuration.publishTimeout,
            mandatory: mandatory,
            allowsDuplicates: allowsDuplicates)
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

    /// Subscribes for as long as `body` runs; see ``TransportDriver/withSubscription(to:options:_:)``.
    public func withSubscription<Result: Sendable>(
        to address: Address,
        options: SubscriptionOptions = SubscriptionOptions(),
        _ body: (Deliveries) async throws -> Result
    ) async throws -> Result {
        try address.validate(for: .subscribing)
        return try await driver.withSubscription(to: address, options: options, body)
    }
}
