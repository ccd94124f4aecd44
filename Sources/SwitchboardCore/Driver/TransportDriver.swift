/// Opens connections to a message queue. ``Transport`` does everything that is the same for every driver.
///
/// A driver connects. Its ``DriverConnection`` moves bytes for as long as it lives. `Transport` connects again after a
/// loss, keeps what waits, watches deadlines and cancellation, repeats what may be repeated, and restores subscriptions.
///
/// A driver knows nothing about RPC, JSON, retries, timeouts, tracing or cells. Creating one parses and validates, and
/// never connects. A driver imports `SwitchboardCore` and no other Switchboard module. Two requirements have no default:
/// ``capabilities`` and ``connect(_:signals:)``.
public protocol TransportDriver: Sendable {
    /// What this driver guarantees. The laws in `SwitchboardTesting` test every claim.
    var capabilities: DriverCapabilities { get }

    /// Opens one connection, and returns when it is ready to publish and to subscribe.
    ///
    /// Tries once. Ends early when its task is cancelled, and otherwise within a time of its own: `Transport` waits for
    /// it without a limit. Called again only when the connection that it returned before has been closed, once per role.
    /// `signals` belong to this one connection; they may be used before this method returns.
    ///
    /// - Throws: why there is no connection, and when to try again.
    func connect(
        _ role: ConnectionRole, signals: ConnectionSignals
    ) async throws(ConnectionFailure) -> any DriverConnection

    /// The connections of a transport, each with its own life. By default there is one for everything.
    ///
    /// Exactly one role publishes and exactly one consumes.
    var roles: [ConnectionRole] { get }

    /// How long `Transport` pauses between attempts to connect.
    var backoff: ReconnectBackoff { get }

    /// OpenTelemetry's name of the messaging system (`messaging.system`), for drivers of a system that has one. `nil`,
    /// the default, stands for the URL's scheme.
    var messagingSystem: String? { get }

    /// Runs for as long as the transport does, and ends when its task is cancelled. The default does nothing.
    ///
    /// For what a driver needs besides its connections, such as renewing credentials.
    func runInBackground() async

    /// Returns a mailbox whose name is unique while this driver lives. The default has a random name.
    func makeMailbox() -> Mailbox

    /// Runs tasks on the thread that brings deliveries and takes publishes, so that neither has to wake another thread.
    /// `nil`, the default, if there is no such thread.
    var taskExecutor: (any TaskExecutor)? { get }
}

extension TransportDriver {
    public var roles: [ConnectionRole] { [.both] }
    public var backoff: ReconnectBackoff { ReconnectBackoff() }
    public var messagingSystem: String? { nil }
    public func runInBackground() async {}
    public func makeMailbox() -> Mailbox { .unique() }
    public var taskExecutor: (any TaskExecutor)? { nil }
}

/// One live connection of a driver.
///
/// Only ``close()`` waits. The other methods return at once; they may be called on any thread, also from within a signal
/// or from within ``Publish/finish(_:)``, and concurrently. A connection doesn't watch deadlines or cancellation, and it
/// repeats nothing: it says what became of each try, and `Transport` decides what follows. They may still be called, by
/// threads that are late, while the connection closes and afterwards, and then do nothing.
public protocol DriverConnection: AnyObject, Sendable {
    /// Publishes a message.
    ///
    /// Call ``Publish/begin()`` before the first byte leaves, and ``Publish/finish(_:)`` once when the outcome is known.
    /// `Transport` takes back what isn't finished when the connection is lost. Publishes of one task to one address come
    /// in order.
    func publish(_ publish: Publish)

    /// Begins a subscription. The connection answers with ``ConnectionSignal/live(_:)`` when messages that are published
    /// from then on arrive, or with ``ConnectionSignal/failed(_:_:)``.
    ///
    /// It hands out deliveries with ``Subscription/append(_:)`` and ``Subscription/handOut()``, and never more than
    /// ``Subscription/prefetch`` that aren't settled.
    func subscribe(_ subscription: Subscription)

    /// Ends a subscription. The connection releases what is unsettled, and answers with ``ConnectionSignal/ended(_:)``.
    func unsubscribe(_ subscription: Subscription)

    /// Closes the connection: releases what its subscriptions have unsettled, says goodbye to its peer and frees what it
    /// holds, within a bounded time. Called once, also after the connection was lost. Nothing is signalled afterwards.
    func close() async
}

/// What a connection of a transport is for.
public enum ConnectionRole: Hashable, Sendable {
    case both
    case publishing
    case consuming

    /// Whether it publishes.
    public var publishes: Bool { self != .consuming }
    /// Whether it has the subscriptions.
    public var consumes: Bool { self != .publishing }
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
