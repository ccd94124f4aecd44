import SwitchboardCells

/// Who still uses a user that was replaced.
enum OldUserUse: Hashable, Sendable {
    /// A connection that uses it.
    struct Connection: Hashable, Sendable {
        var user: String
        var program: String?
        var peer: String
        var virtualHost: String
    }

    /// Nobody, for a while: it can go.
    case unused
    /// These connections do.
    case used([Connection])
    /// It can't be seen, for a reason: a clause.
    case unseen(reason: String)
}
