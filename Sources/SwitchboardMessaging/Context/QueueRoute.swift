/// The message queue that a request goes through. None of the three states ever changes into another by itself: a call
/// that is aimed at a cell fails if that cell can't take it, and never reaches another queue.
public enum QueueRoute: Sendable {
    /// The process's own queue: the connection with which the RPC client was created.
    case own
    /// One cell's queue. `name` says which cell's, because cells may share a connection that is named after another
    /// cell.
    case cell(MessageQueueConnection, name: MQCell)
    /// No queue. RPC fails at once, naming `cell` and `reason`, a clause such as `it has no message queue (none://)`.
    case none(cell: MQCell, reason: String)
}

extension QueueRoute: CustomStringConvertible {
    /// Never contains a URL.
    public var description: String {
        switch self {
        case .own: "own"
        case .cell(_, let name): "cell \(name)"
        case .none(let cell, let reason): "none (cell \(cell): \(reason))"
        }
    }
}
