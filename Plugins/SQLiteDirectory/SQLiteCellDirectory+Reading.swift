internal import GRDB
public import SwitchboardCells

extension SQLiteCellDirectory {
    private static let instanceQuery = """
        SELECT \(InstanceColumns.sql), \(CellColumns.sql)
        FROM instance_mappings i LEFT JOIN cell_mappings c ON c.id = i.cell_id
        WHERE i.instance_uuid = ? AND i.project_id <> '\(InstanceColumns.marker)'
        """

    public func location(ofInstance instanceUUID: String) async throws(CellError) -> InstanceLocation {
        let uuid = try canonicalInstanceUUID(instanceUUID)
        return try await look { db in
            let statement = try db.cachedStatement(sql: Self.instanceQuery)
            var row = try Row.fetchOne(statement, arguments: [uuid])
            if row == nil, uuid != instanceUUID {
                // Nova stores the canonical text; another writer may have stored what we were asked for.
                row = try Row.fetchOne(statement, arguments: [instanceUUID])
            }
            guard let row else { throw CellError.unknownInstance(uuid) }
            guard let cellRow = row.integer(2) else {
                return InstanceLocation(mapping: InstanceColumns.decode(row, cell: nil), cell: nil)
            }
            let cell = try Self.cell(
                in: row, at: InstanceColumns.count, row: cellRow, of: "instance \(uuid)")
            return InstanceLocation(mapping: InstanceColumns.decode(row, cell: cell.id), cell: cell)
        }
    }

    private static let hostQuery = """
        SELECT h.id, h.host, h.cell_id, h.created_at, h.updated_at, \(CellColumns.sql)
        FROM host_mappings h LEFT JOIN cell_mappings c ON c.id = h.cell_id
        WHERE h.host = ?
        """

    public func location(ofHost host: String) async throws(CellError) -> HostLocation {
        try await look { db in
            let statement = try db.cachedStatement(sql: Self.hostQuery)
            guard let row = try Row.fetchOne(statement, arguments: [host]) else { throw CellError.unknownHost(host) }
            let cell = try Self.cell(in: row, at: 5, row: row.integer(2) ?? 0, of: "host \(host)")
            return HostLocation(mapping: Self.hostMapping(row, cell: cell.id), cell: cell)
        }
    }

    public func cell(_ id: CellID) async throws(CellError) -> CellMapping {
        try await look { db in try Self.cell(id, in: db) }
    }

    public func cells() async throws(CellError) -> CellListing {
        try await scan { db in
            try Self.listing(db.cachedStatement(sql: "SELECT \(CellColumns.sql) FROM cell_mappings c ORDER BY c.id"))
        }
    }

    public func cells(ofProject projectID: String) async throws(CellError) -> CellListing {
        try await scan { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT \(CellColumns.sql) FROM cell_mappings c
                    WHERE c.id IN (SELECT DISTINCT cell_id FROM instance_mappings WHERE project_id = ?)
                    ORDER BY c.id
                    """)
            return try Self.listing(statement, arguments: [projectID])
        }
    }

    public func instanceMappings(
        matching filter: InstanceFilter, after token: PageToken?, limit: Int
    ) async throws(CellError) -> Page<InstanceMapping> {
        let limit = max(1, limit)
        return try await scan { db in
            var conditions = ["i.id > ?", "i.project_id <> '\(InstanceColumns.marker)'"]
            var arguments: StatementArguments = [token?.position ?? .min]
            switch filter.placement {
            case nil: break
            case .notScheduled:
                conditions.append("i.cell_id IS NULL")
            case .cell(let id):
                guard let row = try Self.row(of: id, in: db) else { return Page([], next: nil) }
                // The `+` keeps SQLite on the order of the ids, which the page needs.
                conditions.append("+i.cell_id = ?")
                arguments += [row]
            }
            if let projectID = filter.projectID {
                conditions.append("i.project_id = ?")
                arguments += [projectID]
            }
            if let userID = filter.userID {
                conditions.append(filter.projectID == nil ? "i.user_id = ?" : "+i.user_id = ?")
                arguments += [userID]
            }
            if let isQueued = filter.isQueuedForDelete {
                conditions.append("coalesce(i.queued_for_delete, 0) \(isQueued ? "<>" : "=") 0")
            }
            let statement = try db.cachedStatement(
                sql: """
                    SELECT \(InstanceColumns.sql), c.uuid
                    FROM instance_mappings i LEFT JOIN cell_mappings c ON c.id = i.cell_id
                    WHERE \(conditions.joined(separator: " AND "))
                    ORDER BY i.id LIMIT \(limit)
                    """)
            let rows = try Row.fetchAll(statement, arguments: arguments)
            let mappings = rows.map { row in
                InstanceColumns.decode(row, cell: row.text(InstanceColumns.count).flatMap { CellID($0) })
            }
            return Page(mappings, next: Self.token(after: rows, limit: limit))
        }
    }

    public func hostMappings(
        in cell: CellID?, after token: PageToken?, limit: Int
    ) async throws(CellError) -> Page<HostMapping> {
        let limit = max(1, limit)
        return try await scan { db in
            var arguments: StatementArguments = [token?.position ?? .min]
            if let cell {
                guard let row = try Self.row(of: cell, in: db) else { return Page([], next: nil) }
                arguments += [row]
            }
            let statement = try db.cachedStatement(
                sql: """
                    SELECT h.id, h.host, h.cell_id, h.created_at, h.updated_at, c.uuid
                    FROM host_mappings h LEFT JOIN cell_mappings c ON c.id = h.cell_id
                    WHERE h.id > ?\(cell == nil ? "" : " AND h.cell_id = ?") ORDER BY h.id LIMIT \(limit)
                    """)
            let rows = try Row.fetchAll(statement, arguments: arguments)
            let mappings = rows.map { Self.hostMapping($0, cell: $0.text(5).flatMap { CellID($0) }) }
            return Page(mappings, next: Self.token(after: rows, limit: limit))
        }
    }

    public func instanceCounts(
        ofProject projectID: String, user userID: String?
    ) async throws(CellError) -> InstanceCounts {
        try await scan { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT count(*), count(CASE WHEN user_id = ? THEN 1 END)
                    FROM instance_mappings WHERE project_id = ? AND queued_for_delete = 0
                    """)
            let row = try Row.fetchOne(statement, arguments: [userID, projectID])
            return InstanceCounts(
                project: Int(row?.integer(0) ?? 0), user: userID == nil ? nil : Int(row?.integer(1) ?? 0))
        }
    }

    public func usage(of cell: CellID) async throws(CellError) -> CellUsage {
        try await scan { db in
            guard let row = try Self.row(of: cell, in: db) else { throw CellError.unknownCell(cell) }
            return try Self.usage(ofRow: row, in: db)
        }
    }
}

extension SQLiteCellDirectory {
    /// The database's number of a cell.
    static func row(of id: CellID, in db: Database) throws -> Int64? {
        let statement = try db.cachedStatement(sql: "SELECT id FROM cell_mappings WHERE uuid = ?")
        return try Row.fetchOne(statement, arguments: [id.description])?.integer(0)
    }

    static func cell(_ id: CellID, in db: Database) throws -> CellMapping {
        let statement = try db.cachedStatement(sql: "SELECT \(CellColumns.sql) FROM cell_mappings c WHERE c.uuid = ?")
        guard let row = try Row.fetchOne(statement, arguments: [id.description]) else {
            throw CellError.unknownCell(id)
        }
        return try Self.cell(in: row, at: 0, row: 0, of: "cell")
    }

    static func usage(ofRow row: Int64, in db: Database) throws -> CellUsage {
        let hosts = try Row.fetchOne(
            db.cachedStatement(sql: "SELECT count(*) FROM host_mappings WHERE cell_id = ?"), arguments: [row])
        let instances = try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT count(*), count(CASE WHEN coalesce(queued_for_delete, 0) <> 0 THEN 1 END)
                    FROM instance_mappings WHERE cell_id = ?
                    """), arguments: [row])
        let all = Int(instances?.integer(0) ?? 0)
        let queued = Int(instances?.integer(1) ?? 0)
        return CellUsage(hosts: Int(hosts?.integer(0) ?? 0), instances: all - queued, instancesQueuedForDelete: queued)
    }

    /// The cell that was joined to a mapping; throws when it is gone or cannot be read.
    private static func cell(in row: Row, at offset: Int, row cellRow: Int64, of what: String) throws -> CellMapping {
        guard row.integer(offset) != nil else { throw CellError.missingCell(row: cellRow, of: what) }
        switch CellColumns.decode(row, at: offset) {
        case .success(let cell): return cell
        case .failure(let defect): throw CellError(.directoryInvalid, defect.message)
        }
    }

    private static func listing(
        _ statement: Statement, arguments: StatementArguments = []
    ) throws -> CellListing {
        var listing = CellListing(cells: [])
        for row in try Row.fetchAll(statement, arguments: arguments) {
            switch CellColumns.decode(row, at: 0) {
            case .success(let cell): listing.cells.append(cell)
            case .failure(let defect): listing.defects.append(defect)
            }
        }
        return listing
    }

    private static func hostMapping(_ row: Row, cell: CellID?) -> HostMapping {
        HostMapping(
            host: row.text(1) ?? "", cell: cell, createdAt: row.timestamp(3), updatedAt: row.timestamp(4))
    }

    /// A full page may be followed by another one; its last row says where that begins.
    private static func token(after rows: [Row], limit: Int) -> PageToken? {
        guard rows.count == limit, let position = rows.last?.integer(0) else { return nil }
        return PageToken(position: position)
    }
}
