import SwitchboardCells

/// The mapped hosts of the cells that are to be looked at.
struct HostListing: Sendable {
    struct Cell: Sendable {
        let mapping: CellMapping
        let watched: WatchedCell
        var hosts: [String]
    }

    /// Those with hosts, in the directory's order.
    var cells: [Cell]
    /// What is wrong with the mappings, a sentence each.
    var defects: [String]

    var hostCount: Int { cells.reduce(0) { $0 + $1.hosts.count } }

    /// Reads it from a directory.
    ///
    /// - Parameter only: the UUIDs or names of the cells to look at; all where it is empty.
    static func read(
        from directory: some CellDirectory, only: [String], includingDisabled: Bool
    ) async throws -> HostListing {
        let listing = try await directory.cells()
        var wanted: Set<CellID>?
        if !only.isEmpty {
            wanted = []
            for cell in only { wanted?.insert(try await findCell(cell, in: directory).id) }
        }
        var hosts: [CellID: [String]] = [:]
        var defects = listing.defects.map(\.message)
        let known = Set(listing.cells.map(\.id))
        for try await mapping in directory.hostMappings() {
            if let id = mapping.cell, known.contains(id) {
                hosts[id, default: []].append(mapping.host)
            } else {
                defects.append("The host \(mapping.host) is mapped to a cell that isn't in the directory.")
            }
        }
        let names = listing.cells.reduce(into: [String: Int]()) { $0[$1.name ?? "", default: 0] += 1 }
        var cells: [Cell] = []
        // Two rows may write one UUID in different ways.
        for cell in listing.cells where wanted?.contains(cell.id) != false && (includingDisabled || !cell.isDisabled) {
            guard let own = hosts.removeValue(forKey: cell.id) else { continue }
            cells.append(
                Cell(
                    mapping: cell, watched: WatchedCell(cell, isNameUnique: names[cell.name ?? ""] == 1),
                    hosts: own.sorted()))
        }
        return HostListing(cells: cells, defects: wanted == nil ? defects : [])
    }
}
