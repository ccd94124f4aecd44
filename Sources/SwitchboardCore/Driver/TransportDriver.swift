/// Moves bytes between addresses. This is the small protocol behind ``Transport``, which has everything that is the
/// same for every driver.
///
/// A driver knows nothing about RPC, JSON, retries, call timeouts, tracing or cells. Creating one parses and validates,
/// and never connects. All requirements may be called from any task, concurrently. A driver imports `SwitchboardCore`
/// and no other Switchboard module.
public protocol TransportDriver: Sendable {
    /// What this driver guarantees. The laws in `SwitchboardTesting` test every claim.
    var capabilities: DriverCapabilities { get }

    /// The driver's state and events. The driver reports every change to it.
    var monitor: TransportMonitor { get }

    /// OpenTelemetry's name of the messaging system (`messaging.system`), for drivers of a system that has one. Left out,
    /// the URL's scheme is used.
    var messagingSystem: String? { get }

    /// Connects, stays connected, and disconnects when its task is cancelled. Called once.
    ///
    /// The driver repairs lost connections itself. It throws a ``TransportError`` if trying again can't help (refused
    /// credentials, a missing directory); from then on ``publish(_:to:options:)`` and
    /// ``withSubscription(to:options:_:)`` throw the same error. It returns normally when cancelled.
    func run() async throws

    /// Returns once the queue has accepted the message (a broker's confirm, a synced file).
    ///
    /// Waits before `run()` is called and while the connection is down, but never beyond `options.deadline`. The error
    /// says whether the message was certainly not sent (`unavailable`), may have been sent (`indeterminate`), has no
    /// consumer (`unroutable`, only if `options.mandatory`), or met a limit (`exhausted`). Its sentence says what the
    /// publish waited for, the state of the connection, and the last reason for that state. A message that the queue
    /// may have accepted is `indeterminate`, even if sending it again failed for another reason. Messages that one task
    /// publishes to one address keep their order if the driver claims ``DriverCapabilities/ordered``.
    func publish(
        _ message: Message, to address: Address, options: PublishOptions
    ) async throws(TransportError)

    /// Publishes like ``publish(_:to:options:)``, for callers that don't await it. The default implementation creates a
    /// task that does.
    ///
    /// Calls `completion` once, on any thread, perhaps before this method returns, with the error that the other form
    /// would throw, or `nil`. `completion` must not block.
    ///
    /// - Returns: a function that cancels the publish, or `nil` if there is nothing left to cancel.
    func publish(
        _ message: Message, to address: Address, options: PublishOptions,
        completion: @escaping @Sendable (TransportError?) -> Void
    ) -> (@Sendable () -> Void)?

    /// Subscribes for as long as `body` runs.
    ///
    /// The subscription is live when `body` is called: messages published from then on arrive. Waits for that until
    /// `options.deadline`, if there is one. A lost connection ends neither the subscription nor `body`; the driver
    /// restores it. Deliveries that are unsettled when `body` ends are released: they go back to the queue, and that
    /// doesn't count as an attempt. (A fanout's copy and a mailbox end with their subscription, or some time later.) At
    /// most `options.prefetch` deliveries are unsettled at a time. Cancelling the task ends the deliveries; `body` may
    /// then return or throw.
    func withSubscription<Result: Sendable>(
        to address: Address,
        options: SubscriptionOptions,
        _ body: nonisolated(nonsending) (Deliveries) async throws -> Result
    ) async throws -> Result

    /// Returns a mailbox whose name is unique while this driver lives. The default implementation picks a random name.
    func makeMailbox() -> Mailbox

    /// Runs tasks on the thread that brings deliveries and takes publishes, so that neither has to wake another thread.
    /// `nil`, the default, if there is no such thread.
    var taskExecutor: (any TaskExecutor)? { get }
}

extension TransportDriver {
    public var messagingSystem: String? { nil }

    public func publish(
        _ message: Message, to address: Address, options: PublishOptions,
        completion: @escaping @Sendable (TransportError?) -> Void
    ) -> (@Sendable () -> Void)? {
        publishInTask(message, to: address, options: options, completion: completion)
    }

    /// Implements the form of `publish` with a completion by means of the other form, in a task. For drivers that have
    /// no better way, or that have to wait.
    public func publishInTask(
        _ message: Message, to address: Address, options: PublishOptions,
        completion: @escaping @Sendable (TransportError?) -> Void
    ) -> @Sendable () -> Void {
        let task = Task {
            do throws(TransportError) {
                try await publish(message, to: address, options: options)
                completion(nil)
            } catch {
                completion(error)
            }
        }
        return { task.cancel() }
    }

    public func makeMailbox() -> Mailbox {
        .unique()
    }

    public var taskExecutor: (any TaskExecutor)? { nil }
}

/// The guarantees of a driver beyond the contract of ``TransportDriver``.
public struct DriverCapabilities: OptionSet, Sendable, Hashable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// Other processes can be peers.
    public static let interprocess = DriverCapabilities(rawValue: 1 << 0)
    /// An accepted message survives the end of every process that uses the queue.
    public static let durable = DriverCapabilities(rawValue: 1 << 1)
    /// Deliveries that a vanished consumer had not settled go to another consumer, marked as redelivered.
    public static let redelivery = DriverCapabilities(rawValue: 1 << 2)
    /// Messages from one publisher to one address arrive in order at one consumer. A requeued message keeps its place.
    public static let ordered = DriverCapabilities(rawValue: 1 << 3)
    /// A mandatory message that no consumer takes fails with `unroutable`, at once.
    public static let detectsUnroutable = DriverCapabilities(rawValue: 1 << 4)
    /// A message isn't delivered after its time to live.
    public static let expires = DriverCapabilities(rawValue: 1 << 5)
    /// Discarded messages are kept where an operator can look at them.
    public static let deadLetters = DriverCapabilities(rawValue: 1 << 6)
    /// A connection can be lost, and is restored with its subscriptions.
    public static let reconnects = DriverCapabilities(rawValue: 1 << 7)
    /// Queues have a limit. A publisher that meets it waits, then gets `exhausted`.
    public static let boundedQueues = DriverCapabilities(rawValue: 1 << 8)
    /// A fanout's copy ends with its subscription and keeps nothing for later subscribers.
    public static let ephemeralFanouts = DriverCapabilities(rawValue: 1 << 9)
    /// Every delivery from a shared queue says which attempt it is (``Delivery/attempt``), in every process.
    public static let countsAttempts = DriverCapabilities(rawValue: 1 << 10)
    /// A queue gives up a message after a limited number of attempts: it dead-letters or drops the message, and logs
    /// that.
    public static let limitsAttempts = DriverCapabilities(rawValue: 1 << 11)
}

/// How a message is published. `Transport` fills in the defaults.
public struct PublishOptions: Sendable {
    /// When to give up. Every wait of the publish ends by then.
    public var deadline: ContinuousClock.Instant

    /// Whether a message that no consumer takes is an error (`unroutable`) instead of being dropped.
    public var mandatory: Bool

    /// Whether the driver may send the message again after a lost connection, so that it may arrive twice. RPC allows
    /// it, because its receivers drop duplicates.
    public var allowsDuplicates: Bool

    public init(deadline: ContinuousClock.Instant, mandatory: Bool = false, allowsDuplicates: Bool = false) {
        self.deadline = deadline
        self.mandatory = mandatory
        self.allowsDuplicates = allowsDuplicates
    }
}

/// How a subscription is made.
public struct SubscriptionOptions: Sendable {
    /// How many deliveries may be unsettled at a time; at least 1.
    public var prefetch: Int

    /// When to stop waiting for the subscription to be live. `nil` waits for as long as the task lives.
    public var deadline: ContinuousClock.Instant?

    public init(prefetch: Int = 100, deadline: ContinuousClock.Instant? = nil) {
        precondition(prefetch >= 1, "A subscription's prefetch is at least 1, not \(prefetch).")
        self.prefetch = prefetch
        self.deadline = deadline
    }
}
