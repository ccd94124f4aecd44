public import SwitchboardCore
import SwitchboardMessaging

/// What there is to know of a line.
public struct LineStatus: Sendable, Hashable {
    /// Tells lines apart; differs from process to process, and says nothing of what the line connects to.
    public let digest: String
    /// The cells that are mapped to it; none when it drains.
    public let cells: [CellID]
    public let age: Duration
    /// How many scopes hold it.
    public let users: Int
    /// How many calls wait for their replies.
    public let callsInFlight: Int
    /// Where its connection stands, with the last reason for trouble.
    public let state: TransportState

    init(_ entry: LineTable.Entry, now: ContinuousClock.Instant) {
        digest = entry.line.key.digest
        cells = entry.cells.sorted()
        age = now - entry.madeAt
        users = entry.users
        callsInFlight = entry.line.connection.callsInFlight
        state = entry.line.connection.transport.state
    }
}
