public import SwitchboardMessaging

extension MQConnection {
    /// The cell that a ``CellContextManager`` has aimed a context at; `nil` for the process's own queue, and for what was
    /// aimed by other means.
    public var cellID: CellID? {
        switch self {
        case .own: nil
        case .cell(_, let name), .none(let name, _): CellID(name.prefix(36))
        }
    }
}
