public import SwitchboardCore

/// How a ``CellContextManager`` keeps its lines.
public struct LineConfiguration: Sendable {
    /// How long a line without users stays connected.
    public var idleLifetime: Duration = .seconds(1200)

    /// The most lines at a time. Over it, the line that has been idle longest is closed; when none is idle, aiming at one
    /// more cell fails.
    public var maximumCount = 1000

    /// How often the directory is asked whether its mappings have changed.
    public var refreshInterval: Duration = .milliseconds(500)

    /// How long a cell whose queue refused us (credentials, virtual host) is not tried again.
    public var refusalPause: Duration = .seconds(5)

    public var transport = TransportConfiguration()

    public init() {}
}
