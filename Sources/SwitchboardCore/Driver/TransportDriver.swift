/// Moves bytes between addresses. The small protocol behind ``Transport``: what is the same for every driver is written
/// there, once.
///
/// A driver knows no RPC, JSON, retries, call timeouts, tracing or cells. Making one parses and validates and never
/// connects. All requirements may be called from any task, concurrently; a driver imports `SwitchboardCore` and nothing
/// else of Switchboard's.
public protocol TransportDriver: Sendable {
    /// What this driver guarantees. The laws of `SwitchboardTesting` hold it to every claim.
    var capabilities: DriverCapabilities { get }

    /// The driver's state and events; the driver reports every change to it.
    var monitor: TransportMonitor { get }

    /// OpenTelemetry's name of the messaging system (`messaging.system`), for drivers of a system that has one. Left out,
    /// the URL's scheme is used.
    var messagingSystem: String? { get }

    /// Connects, stays connected, and disconnects when its task is cancelled. Called once.
    ///
    /// Losses are repaired inside. It throws a ``TransportError`` for what trying again does not repair (refused
    /// credentials, a directory that is not there), and from then on ``publish(_:to:options:)`` and
    /// ``withSubscription(to:options:_:)`` throw the same. It returns normally when cancelled.
    func run() async throws

    /// Returns once the queue has taken the message over (a broker's confirm, a file synced).
    ///
    /// Before `run()` is called and while the connection is down it waits; never beyond `options.deadline`. The error
    /// tells whether the message was certainly not sent (`unavailable`), maybe sent (`indeterminate`), has no taker
    /// (`unroutable`, only when `options.mandatory`), or found a bound reached (`exhausted`); its sentence says what it
    /// waited for, the state of the connection and the last reason for that state. A message that may have been taken is
    /// `indeterminate`, also where it was to be sent again and that failed. Messages published one after another
    /// by one task to one address keep their order where the driver claims ``DriverCapabilities/ordered``.
    func publish(
        _ message: Message, to address: Address, options: PublishOptions
    ) async throws(TransportError)

    /// As ``publish(_:to:options:)``, for who does not wait for it in a task. Left out, a task is made that does.
    ///
    /// - Parameter completion: called once, on any thread, maybe before this returns, with the error that the other form
    ///   would throw, or `nil`. It must not wait.
    /// - Returns: what cancels the publish; `nil` when there is nothing left to cancel.
    func publish(
        _ message: Message, to address: Address, options: PublishOptions,
        completion: @escaping @Sendable (TransportError?) -> Void
    ) -> (@Sendable () -> Void)?

    /// Subscribes for as long as `body` runs.
    ///
    /// The subscription is live when `body` is called: what is published from then on arrives. Waits for that until
    /// `options.deadline`, where there is one. A lost connection ends neither the subscription nor `body`; the driver
    /// restores it. What is unsettled when `body` ends is released: it goes back to the queue, and that counts as no
    /// attempt (a fanout's own copy and an own mailbox die with their subscription or some time after). At most
    /// `options.prefetch` deliveries are unsettled at a time. Cancelling the task ends the deliveries; `body` then returns or
    /// throws as it likes.
    func withSubscription<Result: Sendable>(
        to address: Address,
        options: SubscriptionOptions,
        _ body: nonisolated(nonsending) (Deliveries) async throws -> Result
    ) async throws -> Result

    /// A mailbox that nobody else has, for as long as this driver lives. Left out, its name is made by chance.
    func makeMailbox() -> Mailbox

    /// Runs tasks on the thread that brings deliveries and takes publishes, so that neither wakes another thread; `nil`,
    /// also when left out, where there is no such thread.
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

    /// The form of `publish` with a completion by the other form, for drivers that have no better way or must wait.
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

/// What a driver guarantees beyond the contract of ``TransportDriver``.
public struct DriverCapabilities: OptionSet, Sendable, Hashable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// Other processes can be peers.
    public static let interprocess = DriverCapabilities(rawValue: 1 << 0)
    /// An accepted message survives the end of every process that uses the queue.
    public static let durable = DriverCapabilities(rawValue: 1 << 1)
    /// What a vanished consumer had not settled is delivered to another one, marked as redelivered.
    public static let redelivery = DriverCapabilities(rawValue: 1 << 2)
    /// Messages of one publisher to one address arrive in order at one consumer; a requeued one keeps its place.
    public static let ordered = DriverCapabilities(rawValue: 1 << 3)
    /// A mandatory message without a taker fails with `unroutable`, at once.
    public static let detectsUnroutable = DriverCapabilities(rawValue: 1 << 4)
    /// A message whose time to live is over is not delivered.
    public static let expires = DriverCapabilities(rawValue: 1 << 5)
    /// Discarded messages are kept where an operator can look at them.
    public static let deadLetters = DriverCapabilities(rawValue: 1 << 6)
    /// A connection can be lost, and is restored with its subscriptions.
    public static let reconnects = DriverCapabilities(rawValue: 1 << 7)
    /// Queues are bounded; a publisher that meets the bound waits, then gets `exhausted`.
    public static let boundedQueues = DriverCapabilities(rawValue: 1 << 8)
    /// A fanout's copy ends with its subscription: it takes nothing for who subscribes later.
    public static let ephemeralFanouts = DriverCapabilities(rawValue: 1 << 9)
    /// Every delivery from a queue that is shared tells its attempt (``Delivery/attempt``), also to another process.
    public static let countsAttempts = DriverCapabilities(rawValue: 1 << 10)
    /// A queue gives up what was attempted as often as its limit says: it dead-letters or drops the message, and the log says
    /// so.
    public static let limitsAttempts = DriverCapabilities(rawValue: 1 << 11)
}

/// How a message is published. `Transport` fills in what its caller left out.
public struct PublishOptions: Sendable {
    /// When to give up. Every wait of the publish ends by then.
    public var deadline: ContinuousClock.Instant

    /// Whether a message that nobody takes is an error (`unroutable`) instead of being dropped.
    public var mandatory: Bool

    /// Whether the driver may send the message again after a loss, so that it may arrive twice. RPC says yes: its
    /// receivers drop duplicates.
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

    /// When to give up waiting for the subscription to be live. `nil`: it waits as long as its task lives.
    public var deadline: ContinuousClock.Instant?

    public init(prefetch: Int = 100, deadline: ContinuousClock.Instant? = nil) {
        precondition(prefetch >= 1, "A subscription's prefetch is at least 1, not \(prefetch).")
        self.prefetch = prefetch
        self.deadline = deadline
    }
}
