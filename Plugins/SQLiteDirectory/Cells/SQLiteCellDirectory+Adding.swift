public import SwitchboardCells
internal import SwitchboardSQL

extension SQLiteCellDirectory {
    public func addHosts(_ hosts: [String], to cell: CellID) async throws(CellError) -> AddedHosts {
        try await write { db in try AddingMappings.addHosts(hosts, to: cell, in: SQLiteStatements(db)) }
    }

    public func addInstances(
        _ mappings: [InstanceMapping], to cell: CellID, marker: InstanceMarker.Step?
    ) async throws(CellError) -> AddedInstances {
        try await write { db in
            try AddingMappings.addInstances(mappings, to: cell, marker: marker, in: SQLiteStatements(db))
        }
    }

    public var keepsInstanceMarkers: Bool { true }

    public func instanceMarkers() async throws(CellError) -> [InstanceMarker] {
        try await scan { db in try AddingMappings.markers(in: SQLiteStatements(db)) }
    }
}
