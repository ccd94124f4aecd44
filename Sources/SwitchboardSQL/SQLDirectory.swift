package import SwitchboardCells

/// A directory in a database: the checks, the statements and what reads their rows, for every kind of database.
///
/// What follows changes is each database's own, so that it isn't here.
package struct SQLDirectory<Database: SQLDatabase>: Sendable {
    package let database: Database
    package let statements: MappingStatements

    package init(_ database: Database, dialect: SQLDialect) {
        self.database = database
        statements = MappingStatements(dialect)
    }

    // MARK: - Reading

    @inlinable
    package func location(ofInstance instanceUUID: String) async throws(CellError) -> InstanceLocation {
        let uuid = try canonicalInstanceUUID(instanceUUID)
        return try await look { try $0.location(ofInstance: uuid, or: instanceUUID) }
    }

    @inlinable
    package func location(ofHost host: String) async throws(CellError) -> HostLocation {
        try await look { try $0.location(ofHost: host) }
    }

    @inlinable
    package func cell(_ id: CellID) async throws(CellError) -> CellMapping {
        try await look { try $0.cell(id) }
    }

    package func cells() async throws(CellError) -> CellListing {
        try await scan { try $0.cells() }
    }

    package func cells(ofProject projectID: String) async throws(CellError) -> CellListing {
        try await scan { try $0.cells(ofProject: projectID) }
    }

    package func instanceMappings(
        matching filter: InstanceFilter, after token: PageToken?, limit: Int
    ) async throws(CellError) -> Page<InstanceMapping> {
        try await scan { try $0.instanceMappings(matching: filter, after: token, limit: max(1, limit)) }
    }

    package func hostMappings(
        in cell: CellID?, after token: PageToken?, limit: Int
    ) async throws(CellError) -> Page<HostMapping> {
        try await scan { try $0.hostMappings(in: cell, after: token, limit: max(1, limit)) }
    }

    package func instanceCounts(
        ofProject projectID: String, user userID: String?
    ) async throws(CellError) -> InstanceCounts {
        try await scan { try $0.instanceCounts(ofProject: projectID, user: userID) }
    }

    package func usage(of cell: CellID) async throws(CellError) -> CellUsage {
        try await scan { try $0.usage(of: cell) }
    }

    // MARK: - Writing

    package func createCell(_ cell: CellMapping) async throws(CellError) -> CellMapping {
        try cell.checkForStorage()
        return try await write { try $0.createCell(cell) }
    }

    package func updateCell(_ id: CellID, _ change: CellChange) async throws(CellError) -> CellMapping {
        try await write { try $0.updateCell(id, change) }
    }

    package func deleteCell(_ id: CellID, force: Bool) async throws(CellError) {
        try await write { try $0.deleteCell(id, force: force) }
    }

    package func mapInstances(_ mappings: [InstanceMapping]) async throws(CellError) -> MappingResult {
        var checked: [InstanceMapping] = []
        for var mapping in mappings {
            try mapping.checkForStorage()
            mapping.instanceUUID = try canonicalInstanceUUID(mapping.instanceUUID)
            checked.append(mapping)
        }
        return try await write { [checked] in try $0.mapInstances(checked) }
    }

    package func unmapInstances(_ instanceUUIDs: [String]) async throws(CellError) -> Int {
        var uuids: [String] = []
        for uuid in instanceUUIDs { uuids.append(try canonicalInstanceUUID(uuid)) }
        return try await write { [uuids] in try $0.unmapInstances(uuids) }
    }

    package func mapHosts(_ hosts: [String], to cell: CellID) async throws(CellError) -> MappingResult {
        for host in hosts { try HostMapping.check(host) }
        return try await write { try $0.mapHosts(hosts, to: cell) }
    }

    package func deleteHost(_ host: String) async throws(CellError) {
        try await write { try $0.deleteHost(host) }
    }

    // MARK: - Through the database

    @inlinable
    package func look<Value: Sendable>(
        _ body: @escaping @Sendable (MappingReader<Database.Connection>) throws -> Value
    ) async throws(CellError) -> Value {
        try await database.look { [statements] in try body(MappingReader($0, statements)) }
    }

    private func scan<Value: Sendable>(
        _ body: @escaping @Sendable (MappingReader<Database.Connection>) throws -> Value
    ) async throws(CellError) -> Value {
        try await database.scan { [statements] in try body(MappingReader($0, statements)) }
    }

    private func write<Value: Sendable>(
        _ body: @escaping @Sendable (MappingWriter<Database.Connection>) throws -> Value
    ) async throws(CellError) -> Value {
        try await database.write { [statements] in try body(MappingWriter($0, statements)) }
    }
}
