public import SwitchboardCore

/// How a ``CellContextManager`` keeps its lines.
public struct LineConfiguration: Sendable {
    /// How long a line without users stays connected.
    public var idleLifetime: Duration = .seconds(1200)

    /// The most lines at a time. Over it, the line that has been idle longest is closed; when none is idle, aiming at one
    /// more cell fails.
    public var maximumCount = 1000

    /// The directory is not asked more often than this.
    static let leastInterval: Duration = .milliseconds(10)

    /// How often the directory is asked whether its mappings have changed; at least 10 ms.
    public var refreshInterval: Duration = .milliseconds(500)

    /// How long a cell whose queue refused us (credentials, virtual host) is not tried again.
    public var refusalPause: Duration = .seconds(5)

    /// How long a queue takes for a message at most. One that had this time and did not take it over does not answer:
    /// nobody is aimed at its cell until a probe comes back. A call that waits for its reply is another matter.
    public var silenceLimit: Duration = .seconds(1)

    /// How long a line may be without a connection before its queue counts as not answering, although nobody has waited
    /// for it.
    public var disconnectionLimit: Duration = .seconds(10)

    /// The most pieces of work of ``CellContextManager/scatterGather(over:_:configuration:_:)`` that a cell may have left
    /// running beyond their deadlines. Over it the cell is skipped, until they end.
    public var maximumAbandoned = 16

    public var transport = TransportConfiguration()

    public init() {}
}
