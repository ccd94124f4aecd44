#if RabbitMQ
import SwitchboardCore

/// What a connection is for: publishing or consuming. Lives inside its ``BrokerConnection`` and is called on its event
/// loop only; nothing in it waits.
protocol ConnectionClient: AnyObject, SendableMetatype {
    associatedtype Command: Sendable

    /// Whether everything is set up that a working connection has.
    var isReady: Bool { get }

    /// Whether nothing is under way that a closing connection should wait for.
    var isIdle: Bool { get }

    /// Whether, when the connection ended, something was being set up that no connection had before: what the broker
    /// closed it over may then be wrong from the start.
    var wasSettingUpNews: Bool { get }

    /// The next moment at which ``expire(_:)`` has something to do.
    var nextDeadline: Moment? { get }

    /// Whether what the broker sends next may be read some milliseconds late: no caller awaits it, and limits are far.
    var canReadLater: Bool { get }

    /// Work that callers left.
    func perform(_ command: Command)

    /// Work that callers left when the connection was over.
    func abandon(_ command: Command)

    /// Logged in. Set-up goes out by `connection`.
    func opened(_ connection: AMQPConnection)

    /// The connection is gone, with its channels.
    func closed(_ loss: ConnectionLoss)

    /// The broker stops (`reason`) or starts to take messages.
    func blocked(_ reason: String?)

    /// The connection takes more bytes again.
    func writable()

    /// Another connection will take this one's place: what is under way finishes, nothing new is begun on it. ``isIdle``
    /// says when; ``closed(_:)`` ends it.
    func drain()

    /// The connection is about to be closed: nothing new is begun.
    func stop()

    /// Deadlines up to `now` have passed.
    func expire(_ now: Moment)

    /// A turn is over: bytes that go out together are prepared, and callers that are done are resumed together.
    ///
    /// - Returns: how many tasks the turn has resumed at most.
    @discardableResult
    func finishTurn() -> Int

    /// Whether deliveries come with their routes and all of their headers.
    var readsRoutes: Bool { get }

    /// Frames of channels other than 0.
    func received(_ method: IncomingMethod, channel: UInt16) throws(ProtocolViolation)
    func received(_ header: ContentHeader, channel: UInt16) throws(ProtocolViolation)
    func received(_ body: UnsafeRawBufferPointer, channel: UInt16) throws(ProtocolViolation)
}

extension ConnectionClient {
    var wasSettingUpNews: Bool { false }
    var readsRoutes: Bool { false }
    var canReadLater: Bool { false }
}
#endif
