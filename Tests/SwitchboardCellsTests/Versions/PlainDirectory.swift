import SwitchboardCells

/// A directory that has only what every directory must have.
struct PlainDirectory: MutableCellDirectory {
    private let directory: InMemoryCellDirectory

    init(_ directory: InMemoryCellDirectory) {
        self.directory = directory
    }

    func location(ofInstance instanceUUID: String) async throws(CellError) -> InstanceLocation {
        try await directory.location(ofInstance: instanceUUID)
    }
    func location(ofHost host: String) async throws(CellError) -> HostLocation {
        try await directory.location(ofHost: host)
    }
    func cell(_ id: CellID) async throws(CellError) -> CellMapping { try await directory.cell(id) }
    func cells() async throws(CellError) -> CellListing { try await directory.cells() }
    func cells(ofProject projectID: String) async throws(CellError) -> CellListing {
        try await directory.cells(ofProject: projectID)
    }
    func instanceMappings(
        matching filter: InstanceFilter, after token: PageToken?, limit: Int
    ) async throws(CellError) -> Page<InstanceMapping> {
        try await directory.instanceMappings(matching: filter, after: token, limit: limit)
    }
    func hostMappings(
        in cell: CellID?, after token: PageToken?, limit: Int
    ) async throws(CellError) -> Page<HostMapping> {
        try await directory.hostMappings(in: cell, after: token, limit: limit)
    }
    func instanceCounts(ofProject projectID: String, user userID: String?) async throws(CellError) -> InstanceCounts {
        try await directory.instanceCounts(ofProject: projectID, user: userID)
    }
    func usage(of cell: CellID) async throws(CellError) -> CellUsage { try await directory.usage(of: cell) }
    func version() async throws(CellError) -> DirectoryVersion { try await directory.version() }
    func createCell(_ cell: CellMapping) async throws(CellError) -> CellMapping { try await directory.createCell(cell) }
    func updateCell(_ id: CellID, _ change: CellChange) async throws(CellError) -> CellMapping {
        try await directory.updateCell(id, change)
    }
    func deleteCell(_ id: CellID, force: Bool) async throws(CellError) {
        try await directory.deleteCell(id, force: force)
    }
    func mapInstances(_ mappings: [InstanceMapping]) async throws(CellError) -> MappingResult {
        try await directory.mapInstances(mappings)
    }
    func unmapInstances(_ instanceUUIDs: [String]) async throws(CellError) -> Int {
        try await directory.unmapInstances(instanceUUIDs)
    }
    func mapHosts(_ hosts: [String], to cell: CellID) async throws(CellError) -> MappingResult {
        try await directory.mapHosts(hosts, to: cell)
    }
    func deleteHost(_ host: String) async throws(CellError) { try await directory.deleteHost(host) }
}
