package import SwitchboardCells

extension SQLDirectory {
    package func addHosts(_ hosts: [String], to cell: CellID) async throws(CellError) -> AddedHosts {
        try await database.write { try AddingMappings.addHosts(hosts, to: cell, in: $0) }
    }

    package func addInstances(
        _ mappings: [InstanceMapping], to cell: CellID, marker: InstanceMarker.Step?
    ) async throws(CellError) -> AddedInstances {
        try await database.write { try AddingMappings.addInstances(mappings, to: cell, marker: marker, in: $0) }
    }

    package func instanceMarkers() async throws(CellError) -> [InstanceMarker] {
        try await database.scan { try AddingMappings.markers(in: $0) }
    }
}
