/// An event in the life of a cell's connection.
public struct CellConnectionEvent: Sendable, Hashable {
    /// Why a connection was closed.
    public enum Closing: String, Sendable, Hashable {
        /// It wasn't used for a long time.
        case idle
        /// No cell is mapped to it any more: its cells have moved, or were deleted or disabled.
        case drained
        /// Another connection needed its place.
        case room
        /// It ended by itself, for example because it was refused.
        case lost
        /// The manager was shut down.
        case shutdown
    }

    public enum Kind: Sendable, Hashable {
        /// It is new, and connects.
        case opened
        case connected
        /// It was lost, or accepts no messages for now. It recovers by itself.
        case interrupted(reason: String)
        /// Its queue doesn't answer. Its cells can't be aimed at until it does.
        case silent(reason: String)
        /// Its queue, which was silent, answers again.
        case answering
        /// No cell is mapped to it any more. It closes after its last user.
        case draining
        case closed(Closing)

        /// The kind alone.
        public var name: String {
            switch self {
            case .opened: "opened"
            case .connected: "connected"
            case .interrupted: "interrupted"
            case .silent: "silent"
            case .answering: "answering"
            case .draining: "draining"
            case .closed(let reason): "closed_\(reason.rawValue)"
            }
        }
    }

    public let kind: Kind
    /// The connection's ``CellConnectionStatus/digest``.
    public let digest: String
    /// The cell that it was opened for, for people.
    public let cell: String

    public init(kind: Kind, digest: String, cell: String) {
        self.kind = kind
        self.digest = digest
        self.cell = cell
    }
}
