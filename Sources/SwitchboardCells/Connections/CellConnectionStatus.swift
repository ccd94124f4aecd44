public import SwitchboardCore
import SwitchboardMessaging

/// The status of a cell's connection.
public struct CellConnectionStatus: Sendable, Hashable {
    /// The last thing that went wrong with a connection.
    public struct Trouble: Sendable, Hashable {
        /// One sentence or clause, without secrets.
        public let message: String
        /// How long ago.
        public let age: Duration
    }

    /// A queue that doesn't answer.
    public struct Silence: Sendable, Hashable {
        /// For how long.
        public let duration: Duration
        /// The last reason.
        public let reason: String
    }

    /// Identifies the URL that it connects to: 16 hexadecimal digits that stay the same while the process runs, and
    /// mean nothing in another process.
    public let digest: String
    /// The URL that it connects to, with every password masked.
    public let url: String
    /// The cells that are mapped to it; empty if it is draining.
    public let cells: [CellID]
    public let age: Duration
    /// How many `withTargetCell` closures are using it.
    public let users: Int
    /// How many calls are waiting for their replies.
    public let callsInFlight: Int
    /// The state of its transport, with the last reason for trouble.
    public let state: TransportState
    /// If set, its queue doesn't answer, and its cells can't be aimed at until a probe comes back.
    public let silence: Silence?
    /// The last trouble, even if it is over.
    public let lastTrouble: Trouble?

    /// Whether it takes no new users, and closes after its last one.
    public var isDraining: Bool { cells.isEmpty }

    init(_ entry: CellConnectionPool.Entry, now: ContinuousClock.Instant) {
        let connection = entry.connection
        digest = connection.digest
        url = connection.messageQueue.transport.url.description
        cells = entry.cells.sorted()
        age = now - entry.madeAt
        users = entry.users
        callsInFlight = connection.messageQueue.callsInFlight
        state = connection.messageQueue.transport.state
        silence = connection.health.silence.map { Silence(duration: now - $0.since, reason: $0.reason) }
        lastTrouble = connection.health.lastTrouble.map { Trouble(message: $0.message, age: now - $0.at) }
    }
}
