package import SwitchboardCells

/// What reads a directory's mappings over a connection.
///
/// What look-ups need is inlinable: unspecialised code would take 13 % longer for a row of SQLite's.
package struct MappingReader<Connection: SQLConnection> {
    @usableFromInline package let connection: Connection
    @usableFromInline package let statements: MappingStatements

    @inlinable
    package init(_ connection: Connection, _ statements: MappingStatements) {
        self.connection = connection
        self.statements = statements
    }

    /// - Parameters:
    ///   - uuid: the canonical text, which Nova stores.
    ///   - other: what was asked for; another program may have stored that.
    @inlinable
    package func location(ofInstance uuid: String, or other: String) throws -> InstanceLocation {
        var row = try connection.row(statements.instance, [.text(uuid)])
        if row == nil, uuid != other { row = try connection.row(statements.instance, [.text(other)]) }
        guard let row else { throw CellError.unknownInstance(uuid) }
        guard let cellRow = row.integer(2) else {
            return InstanceLocation(mapping: InstanceColumns.decode(row, cell: nil), cell: nil)
        }
        let cell = try Self.cell(in: row, at: InstanceColumns.count, row: cellRow, of: "instance \(uuid)")
        return InstanceLocation(mapping: InstanceColumns.decode(row, cell: cell.id), cell: cell)
    }

    @inlinable
    package func location(ofHost host: String) throws -> HostLocation {
        guard let row = try connection.row(statements.host, [.text(host)]) else { throw CellError.unknownHost(host) }
        let cell = try Self.cell(in: row, at: HostColumns.count, row: row.integer(2) ?? 0, of: "host \(host)")
        return HostLocation(mapping: HostColumns.decode(row, cell: cell.id), cell: cell)
    }

    @inlinable
    package func cell(_ id: CellID, locked: Bool = false) throws -> CellMapping {
        let statement = locked ? statements.lockedCell : statements.cell
        guard let row = try connection.row(statement, [.text(id.description)]) else { throw CellError.unknownCell(id) }
        return try Self.cell(in: row, at: 0, row: 0, of: "cell")
    }

    /// The database's number of a cell.
    package func row(of id: CellID) throws -> Int64? {
        try connection.row(statements.cellRow, [.text(id.description)])?.integer(0)
    }

    package func cells() throws -> CellListing {
        Self.listing(try connection.rows(statements.cells))
    }

    package func cells(ofProject projectID: String) throws -> CellListing {
        Self.listing(try connection.rows(statements.cellsOfProject, [.text(projectID)]))
    }

    package func instanceMappings(
        matching filter: InstanceFilter, after token: PageToken?, limit: Int
    ) throws -> Page<InstanceMapping> {
        let unindexed = statements.dialect.unindexed
        var conditions = ["i.id > ?", "i.project_id <> '\(InstanceColumns.marker)'"]
        var arguments: [SQLValue] = [.integer(token?.position ?? .min)]
        switch filter.placement {
        case nil: break
        case .notScheduled:
            conditions.append("i.cell_id IS NULL")
        case .cell(let id):
            guard let row = try row(of: id) else { return Page([], next: nil) }
            conditions.append("\(unindexed)i.cell_id = ?")
            arguments.append(.integer(row))
        }
        if let projectID = filter.projectID {
            conditions.append("i.project_id = ?")
            arguments.append(.text(projectID))
        }
        if let userID = filter.userID {
            conditions.append("\(filter.projectID == nil ? "" : unindexed)i.user_id = ?")
            arguments.append(.text(userID))
        }
        if let isQueued = filter.isQueuedForDelete {
            conditions.append("coalesce(i.queued_for_delete, 0) \(isQueued ? "<>" : "=") 0")
        }
        let rows = try connection.rows(
            """
            SELECT \(InstanceColumns.sql), c.uuid
            FROM instance_mappings i LEFT JOIN cell_mappings c ON c.id = i.cell_id
            WHERE \(conditions.joined(separator: " AND "))
            ORDER BY i.id LIMIT \(limit)
            """, arguments)
        return Page(
            rows.map { row in
                InstanceColumns.decode(row, cell: row.text(InstanceColumns.count).flatMap { CellID($0) })
            }, next: Self.token(after: rows, limit: limit))
    }

    package func hostMappings(in cell: CellID?, after token: PageToken?, limit: Int) throws -> Page<HostMapping> {
        var arguments: [SQLValue] = [.integer(token?.position ?? .min)]
        if let cell {
            guard let row = try row(of: cell) else { return Page([], next: nil) }
            arguments.append(.integer(row))
        }
        let rows = try connection.rows(
            """
            SELECT \(HostColumns.sql), c.uuid
            FROM host_mappings h LEFT JOIN cell_mappings c ON c.id = h.cell_id
            WHERE h.id > ?\(cell == nil ? "" : " AND h.cell_id = ?") ORDER BY h.id LIMIT \(limit)
            """, arguments)
        return Page(
            rows.map { HostColumns.decode($0, cell: $0.text(HostColumns.count).flatMap { CellID($0) }) },
            next: Self.token(after: rows, limit: limit))
    }

    package func instanceCounts(ofProject projectID: String, user userID: String?) throws -> InstanceCounts {
        let row = try connection.row(statements.instanceCounts, [SQLValue(userID), .text(projectID)])
        return InstanceCounts(
            project: Int(row?.integer(0) ?? 0), user: userID == nil ? nil : Int(row?.integer(1) ?? 0))
    }

    package func usage(of cell: CellID) throws -> CellUsage {
        guard let row = try row(of: cell) else { throw CellError.unknownCell(cell) }
        return try usage(ofRow: row)
    }

    package func usage(ofRow row: Int64) throws -> CellUsage {
        let hosts = try connection.row(statements.hostsOfCell, [.integer(row)])
        let instances = try connection.row(statements.instancesOfCell, [.integer(row)])
        let all = Int(instances?.integer(0) ?? 0)
        let queued = Int(instances?.integer(1) ?? 0)
        return CellUsage(hosts: Int(hosts?.integer(0) ?? 0), instances: all - queued, instancesQueuedForDelete: queued)
    }

    /// The cell that was joined to a mapping; throws when it is gone or cannot be read.
    @inlinable
    package static func cell(
        in row: Connection.Row, at offset: Int, row cellRow: Int64, of what: @autoclosure () -> String
    ) throws -> CellMapping {
        guard row.integer(offset) != nil else { throw CellError.missingCell(row: cellRow, of: what()) }
        switch CellColumns.decode(row, at: offset) {
        case .success(let cell): return cell
        case .failure(let defect): throw CellError(.directoryInvalid, defect.message)
        }
    }

    private static func listing(_ rows: [Connection.Row]) -> CellListing {
        var listing = CellListing(cells: [])
        for row in rows {
            switch CellColumns.decode(row, at: 0) {
            case .success(let cell): listing.cells.append(cell)
            case .failure(let defect): listing.defects.append(defect)
            }
        }
        return listing
    }

    /// A full page may be followed by another one; its last row says where that begins.
    private static func token(after rows: [Connection.Row], limit: Int) -> PageToken? {
        guard rows.count == limit, let position = rows.last?.integer(0) else { return nil }
        return PageToken(position: position)
    }
}
