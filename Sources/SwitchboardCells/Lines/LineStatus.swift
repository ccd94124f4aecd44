public import SwitchboardCore
import SwitchboardMessaging

/// What there is to know of a line.
public struct LineStatus: Sendable, Hashable {
    /// What went wrong with a line, last.
    public struct Trouble: Sendable, Hashable {
        /// One sentence or clause, without secrets.
        public let message: String
        /// How long ago.
        public let age: Duration
    }

    /// A queue that does not answer.
    public struct Silence: Sendable, Hashable {
        /// For how long.
        public let duration: Duration
        /// What was said last.
        public let reason: String
    }

    /// Stands for the URL that it connects to: 16 hexadecimal digits, the same for as long as the process runs, and of no
    /// meaning in another.
    public let digest: String
    /// The URL that it connects to, every password masked.
    public let url: String
    /// The cells that are mapped to it; none when it drains.
    public let cells: [CellID]
    public let age: Duration
    /// How many scopes hold it.
    public let users: Int
    /// How many calls wait for their replies.
    public let callsInFlight: Int
    /// Where its connection stands, with the last reason for trouble.
    public let state: TransportState
    /// When not `nil`, nobody is aimed at it until a probe comes back.
    public let silence: Silence?
    /// The last trouble there was, also when it is over.
    public let lastTrouble: Trouble?

    /// Whether nobody is aimed at it any more, and it closes after its last user.
    public var isDraining: Bool { cells.isEmpty }

    init(_ entry: LineTable.Entry, now: ContinuousClock.Instant) {
        let line = entry.line
        digest = line.digest
        url = line.connection.transport.url.description
        cells = entry.cells.sorted()
        age = now - entry.madeAt
        users = entry.users
        callsInFlight = line.connection.callsInFlight
        state = line.connection.transport.state
        silence = line.health.silence.map { Silence(duration: now - $0.since, reason: $0.reason) }
        lastTrouble = line.health.lastTrouble.map { Trouble(message: $0.message, age: now - $0.at) }
    }
}
