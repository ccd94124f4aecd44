public import SwitchboardMessaging

extension MQCell {
    /// A cell that is known by its identity, and called by a title.
    init(_ id: CellID, title: String) {
        self.init(title, identity: id.identity)
    }
}

extension MQConnection {
    /// The cell that a ``CellContextManager`` has aimed a context at; `nil` for the process's own queue, and for what was
    /// aimed by other means.
    public var cellID: CellID? {
        switch self {
        case .own: nil
        case .cell(_, let cell), .none(let cell, _): cell.identity.map { CellID($0) }
        }
    }
}
