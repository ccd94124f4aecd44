public import SwitchboardCore

/// How a ``CellContextManager`` manages the connections to the cells.
public struct CellConnectionConfiguration: Sendable {
    /// How long an unused connection stays connected.
    public var idleLifetime: Duration = .seconds(1200)

    /// The maximum number of connections. At the limit, the connection that has been idle longest is closed. If none is
    /// idle, aiming at another cell fails.
    public var maximumCount = 1000

    /// The directory is not asked more often than this.
    static let leastInterval: Duration = .milliseconds(10)

    /// How often to ask the directory whether its mappings have changed; at least 10 ms.
    public var refreshInterval: Duration = .milliseconds(500)

    /// How long to wait before trying a cell again whose queue refused the credentials or the virtual host.
    public var refusalPause: Duration = .seconds(5)

    /// How long a queue may take to accept a message. If it takes longer, it counts as not answering, and its cell
    /// can't be aimed at until a probe comes back. Waiting for a reply doesn't count.
    public var silenceLimit: Duration = .seconds(1)

    /// How long a connection may be disconnected before its queue counts as not answering, even if no request has
    /// waited for it.
    public var disconnectionLimit: Duration = .seconds(10)

    /// How many pieces of work of ``CellContextManager/scatterGather(over:_:configuration:_:)`` may keep running in a
    /// cell beyond their deadlines. At the limit the cell is skipped until they end.
    public var maximumAbandoned = 16

    public var transport = TransportConfiguration()

    public init() {}
}
