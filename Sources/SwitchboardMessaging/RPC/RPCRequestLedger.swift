import SwitchboardCore

/// What a server knows of the requests that it has taken, by their `_unique_id`. One without an id is always new.
struct RPCRequestLedger: Sendable {
    enum Verdict {
        case new, duplicate
        /// It is at work; the copy is settled with it.
        case held
    }

    private let ledger: DuplicateLedger<Delivery>
    private let acknowledgement: RPCServerConfiguration.Acknowledgement

    init(_ configuration: RPCServerConfiguration) {
        ledger = DuplicateLedger(capacity: configuration.duplicateWindow, lifetime: configuration.duplicateLifetime)
        acknowledgement = configuration.acknowledgement
    }

    func begin(_ request: OsloRequest, _ delivery: Delivery) -> Verdict {
        guard let id = request.uniqueID else { return .new }
        switch acknowledgement {
        case .atMostOnce: return ledger.beginDone(id) ? .new : .duplicate
        case .atLeastOnce:
            switch ledger.begin(id, delivery) {
            case .new: return .new
            case .duplicate: return .duplicate
            // Older copies are of connections that are gone.
            case .held: return .held
            }
        }
    }

    /// The request is done. Returns the copies of it that were held.
    func finish(_ request: OsloRequest) -> [Delivery] {
        request.uniqueID.map(ledger.finish) ?? []
    }

    /// The request is not done, and may come again. Returns the copies of it that were held.
    @discardableResult
    func forget(_ request: OsloRequest) -> [Delivery] {
        request.uniqueID.map(ledger.forget) ?? []
    }
}
