public import SwitchboardMessaging

extension MQCell {
    /// A cell that is known by its identity, and called by a title.
    init(_ id: CellID, title: String) {
        self.init(title, identity: id.identity)
    }
}

extension QueueRoute {
    /// The cell at which a ``CellContextManager`` aimed the context; `nil` for the process's own queue, and for
    /// contexts that were aimed by other means.
    public var cellID: CellID? {
        switch self {
        case .own: nil
        case .cell(_, let cell), .none(let cell, _): cell.identity.map { CellID($0) }
        }
    }
}
