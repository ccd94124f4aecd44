import SwitchboardCore

/// What a server knows of the requests that it has taken, by their `_unique_id`: which are done, and which are at work.
final class RPCRequestLedger: Sendable {
    enum Beginning {
        case new, duplicate
        /// It is at work; the copy is settled with it.
        case held
    }

    private static let maximumCopies = 8

    private let duplicates: RecentIDs
    private let acknowledgement: RPCServerConfiguration.Acknowledgement
    /// What is at work, at least once, by its id, with the copies that have come meanwhile: a broker delivers again what was
    /// unsettled on a lost connection. They share the fate of the first.
    private let atWork = Locked<[String: [Delivery]]>([:])

    init(_ configuration: RPCServerConfiguration) {
        duplicates = RecentIDs(capacity: configuration.duplicateWindow, lifetime: configuration.duplicateLifetime)
        acknowledgement = configuration.acknowledgement
    }

    func begin(_ id: String, _ delivery: Delivery) -> Beginning {
        guard acknowledgement == .atLeastOnce else { return duplicates.insert(id) ? .new : .duplicate }
        return atWork.withLock { atWork in
            if duplicates.insert(id) {
                atWork[id] = []
                return .new
            }
            guard var copies = atWork[id] else { return .duplicate }
            // Older ones are of connections that are gone.
            copies = copies.suffix(Self.maximumCopies - 1) + [delivery]
            atWork[id] = copies
            return .held
        }
    }

    /// Returns the copies of a request that was at work. One that is not done may come again.
    func end(_ request: OsloRequest, isDone: Bool) -> [Delivery] {
        guard let id = request.uniqueID else { return [] }
        return atWork.withLock { atWork in
            if !isDone { duplicates.remove(id) }
            return atWork.removeValue(forKey: id) ?? []
        }
    }

    /// Forgets a request that the queue delivers again.
    func forget(_ request: OsloRequest) {
        if let id = request.uniqueID { duplicates.remove(id) }
    }
}
