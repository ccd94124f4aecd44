/// Which message queue a request goes through. Three states, and none ever turns into another by itself: a call that is
/// aimed at a cell fails when that cell cannot take it, and never reaches another queue.
public enum MQConnection: Sendable {
    /// The process's own queue: the connection that the RPC client was made with.
    case own
    /// One cell's queue. `name` says which cell's: cells may share a connection, whose own name is another's.
    case cell(MessageQueueConnection, name: MQCell)
    /// No queue at all: RPC fails at once, naming `cell` and `reason`, a clause such as
    /// `it has no message queue (none://)`.
    case none(cell: MQCell, reason: String)
}

extension MQConnection: CustomStringConvertible {
    /// Never holds a URL.
    public var description: String {
        switch self {
        case .own: "own"
        case .cell(_, let name): "cell \(name)"
        case .none(let cell, let reason): "none (cell \(cell): \(reason))"
        }
    }
}
