import SwitchboardCells
import SwitchboardCore

/// What a cell is called in events and metrics.
struct WatchedCell: Hashable, Sendable {
    let id: CellID
    /// Its name, or its UUID where it has none. With the UUID as well where several cells have the name.
    let label: String

    init(_ cell: CellMapping, isNameUnique: Bool = true) {
        id = cell.id
        let name = cell.name.flatMap { $0.isEmpty ? nil : $0 }
        let label = name.map { isNameUnique ? $0 : "\($0) (\(cell.id))" } ?? cell.id.description
        self.label = Secret.masked(in: label)
    }
}

/// What one sweep has found in a cell.
struct CellObservation: Hashable, Sendable {
    enum Outcome: Hashable, Sendable {
        /// A message came through its queue and back.
        case reached(roundTrip: Duration)
        /// The queue can't be used. It is certain where the broker refused, and not where it merely didn't answer.
        case failed(reason: String, isCertain: Bool)
    }

    var cell: WatchedCell
    var outcome: Outcome
    /// Of the hosts that were asked.
    var hosts: [String: HostFinding] = [:]
}
