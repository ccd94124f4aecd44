public import Logging
public import ServiceLifecycle

/// Bounds and defaults of a ``Transport``.
public struct TransportConfiguration: Sendable {
    /// How long a publish may take when its caller says nothing.
    public var publishTimeout: Duration = .seconds(30)

    /// The largest body that is taken, in bytes.
    public var maximumMessageSize = 64 * 1024 * 1024

    public init() {}
}

/// A driver, and what is the same for every driver.
///
/// Making one validates its URL and connects to nothing; ``run()`` connects and keeps connected. All methods may be
/// called from any task, concurrently, before `run()` too: they wait for the connection, up to their deadline.
public final class Transport: Service {
    /// What it connects to; descriptions of it mask the passwords.
    public let url: TransportURL

    public let configuration: TransportConfiguration

    private let driver: any TransportDriver
    private let logger: Logger

    /// A transport for `url`, by the driver that `registry` has for its scheme.
    ///
    /// Throws ``TransportError/Code/unknownScheme``, or what the driver says of the URL's options.
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

    /// A transport over a driver that was made by hand.
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

    /// Where the connection stands now.
    public var state: TransportState {
        driver.monitor.state
    }

    /// Where the connection stands now, and since when.
    public var standing: TransportStanding {
        driver.monitor.standing
    }

    /// What OpenTelemetry calls the messaging system: the driver's own word, or the scheme of its URL.
    public var messagingSystem: String {
        driver.messagingSystem ?? url.scheme
    }

    /// The state now and every later one.
    public func states() -> AsyncStream<TransportState> {
        driver.monitor.states()
    }

    /// Connects, and stays connected until graceful shutdown or cancellation. Called once.
    ///
    /// List a transport before what uses it: a `ServiceGroup` shuts down in reverse order, so that its users have
    /// drained when its turn comes. Throws the ``TransportError`` that ended it, for example `refused`.
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

    /// Returns once the queue has taken the message over.
    ///
    /// - Parameters:
    ///   - deadline: when to give up; `configuration.publishTimeout` from now when left out.
    ///   - mandatory: whether a message that nobody takes is an error (`unroutable`).
    ///   - allowsDuplicates: whether the driver may send again after a loss.
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

    /// As ``publish(_:to:deadline:mandatory:allowsDuplicates:)``, for who does not wait for it; throws what is known at once.
    ///
    /// - Parameter completion: called once, on any thread, maybe before this returns, with the error that the other form
    ///   would throw, or `nil`. It must not wait.
    /// - Returns: what cancels the publish; `nil` when there is nothing left to cancel.
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

    /// A mailbox that nobody else has, for as long as this transport lives.
    public func makeMailbox() -> Mailbox {
        driver.makeMailbox()
    }

    /// Runs tasks on the connection's own thread, where its driver has one: a task there neither waits for another thread nor
    /// wakes one to send, or when its reply comes. For code that never blocks and never computes for long, as all
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
