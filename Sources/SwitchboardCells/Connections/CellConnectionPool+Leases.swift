import SwitchboardCore
import SwitchboardMessaging

extension CellConnectionPool {
    /// Where messages to a cell go.
    struct Lease {
        let target: QueueRoute
        /// The connection that has one more user; `nil` for a cell without a queue.
        let connection: CellConnection?
    }

    /// What ``lease(_:isFresh:includingDisabled:base:made:)`` finds.
    enum Finding {
        case lease(Lease)
        /// There is no connection yet to this URL. The title is what the cell is called.
        case missing(TransportURL, title: String)
        case failed(CellError)
    }
}
