package import SwitchboardCells

/// A cell's database in the schema of Nova's main database, on any kind of SQL database.
package struct SQLCellDatabase<Database: SQLDatabase>: CellDatabase {
    private let database: Database
    private let cell: CellIdentity

    package init(_ database: Database, of cell: CellIdentity) {
        self.database = database
        self.cell = cell
    }

    // MARK: - Compute nodes

    package func computeNodes(
        matching filter: ComputeNodeFilter, after token: PageToken?, limit: Int
    ) async throws(CellError) -> Page<ComputeNode> {
        let limit = max(1, limit)
        return try await scan { connection in
            var conditions = ["deleted = 0", "id > ?"]
            var arguments: [SQLValue] = [.integer(token?.position ?? .min)]
            switch filter.isMapped {
            case nil: break
            case true?: conditions.append("mapped >= 1")
            // As Nova has it: a NULL is not less than 1.
            case false?: conditions.append("mapped < 1")
            }
            if let host = filter.host {
                conditions.append("host = ?")
                arguments.append(.text(host))
            }
            let rows = try connection.rows(
                """
                SELECT id, host, hypervisor_hostname, uuid, mapped FROM compute_nodes
                WHERE \(conditions.joined(separator: " AND ")) ORDER BY id LIMIT \(limit)
                """, arguments)
            // A node without a host is one of a Nova before its host was noted, and belongs to none.
            let nodes = rows.compactMap { row in
                row.text(1).map { host in
                    ComputeNode(
                        id: row.integer(0) ?? 0, host: host, hypervisorHostname: row.text(2), uuid: row.text(3),
                        isMapped: (row.integer(4) ?? 0) >= 1)
                }
            }
            return Page(nodes, next: Self.token(after: rows, limit: limit))
        }
    }

    /// Statements have a limited number of parameters; SQLite's is 999 where it is old.
    private static var idsPerStatement: Int { 500 }

    package func setMapped(_ isMapped: Bool, ofComputeNodes ids: [Int64]) async throws(CellError) {
        guard !ids.isEmpty else { return }
        try await write { connection in
            for chunk in ids.chunked(into: Self.idsPerStatement) {
                let parameters = Array(repeating: "?", count: chunk.count).joined(separator: ", ")
                try connection.execute(
                    "UPDATE compute_nodes SET mapped = ?, updated_at = ? WHERE id IN (\(parameters))",
                    [.integer(isMapped ? 1 : 0), connection.dialect.now()] + chunk.map { .integer($0) })
            }
        }
    }

    @discardableResult
    package func unmapComputeNodes(ofHost host: String?) async throws(CellError) -> Int {
        try await write { connection in
            try connection.execute(
                "UPDATE compute_nodes SET mapped = 0, updated_at = ? WHERE deleted = 0\(host == nil ? "" : " AND host = ?")",
                [connection.dialect.now()] + (host.map { [.text($0)] } ?? []))
        }
    }

    // MARK: - Services

    package func services(
        of binary: String?, after token: PageToken?, limit: Int
    ) async throws(CellError) -> Page<CellService> {
        let limit = max(1, limit)
        return try await scan { connection in
            let column = connection.dialect.quoted("binary")
            var arguments: [SQLValue] = [.integer(token?.position ?? .min)]
            if let binary { arguments.append(.text(binary)) }
            let rows = try connection.rows(
                """
                SELECT id, host, \(column), topic, version, disabled, forced_down, last_seen_up FROM services
                WHERE deleted = 0 AND id > ?\(binary == nil ? "" : " AND \(column) = ?") ORDER BY id LIMIT \(limit)
                """, arguments)
            let services = rows.compactMap { row in
                row.text(1).map { host in
                    CellService(
                        host: host, binary: row.text(2) ?? "", topic: row.text(3),
                        version: Int(clamping: row.integer(4) ?? 0), isDisabled: row.flag(5), isForcedDown: row.flag(6),
                        lastSeen: row.text(7).flatMap { MappingTimestamp($0) })
                }
            }
            return Page(services, next: Self.token(after: rows, limit: limit))
        }
    }

    package func oldestServiceVersion(of binary: String) async throws(CellError) -> Int? {
        try await look { connection in
            let row = try connection.row(
                """
                SELECT min(version) FROM services
                WHERE \(connection.dialect.quoted("binary")) = ? AND deleted = 0 AND coalesce(forced_down, 0) = 0
                AND version > 0
                """, [.text(binary)])
            // Whatever somebody wrote there.
            return row?.integer(0).map { Int(clamping: $0) }
        }
    }

    // MARK: - Instances

    private static var instanceColumns: String { "i.uuid, i.project_id, i.user_id, i.host, i.deleted, i.hidden" }

    package func instances(after instanceUUID: String?, limit: Int) async throws(CellError) -> [CellInstance] {
        let limit = max(1, limit)
        return try await scan { connection in
            var condition = ""
            var arguments: [SQLValue] = []
            if let instanceUUID {
                let marker = try connection.row(
                    "SELECT created_at, id FROM instances WHERE uuid = ?", [.text(instanceUUID)])
                guard let marker else {
                    throw CellError(.unknownInstance, "It does not have the instance \(instanceUUID).")
                }
                if marker.value(0) == .null {
                    condition = "WHERE created_at IS NOT NULL OR id > ?"
                    arguments = [marker.value(1)]
                } else {
                    condition = "WHERE created_at >= ? AND (created_at > ? OR id > ?)"
                    arguments = [marker.value(0), marker.value(0), marker.value(1)]
                }
            }
            // The inner query needs an index only, and no row of the table, which are wide.
            let rows = try connection.rows(
                """
                SELECT \(Self.instanceColumns)
                FROM (SELECT id FROM instances \(condition) ORDER BY created_at, id LIMIT \(limit)) page
                JOIN instances i ON i.id = page.id ORDER BY i.created_at, i.id
                """, arguments)
            return rows.map(Self.instance)
        }
    }

    package func instance(_ instanceUUID: String) async throws(CellError) -> CellInstance? {
        try await look { connection in
            try connection.row(
                "SELECT \(Self.instanceColumns) FROM instances i WHERE i.uuid = ?", [.text(instanceUUID)]
            ).map(Self.instance)
        }
    }

    package func instanceCount(onHost host: String?, includesDeleted: Bool) async throws(CellError) -> Int {
        try await scan { connection in
            var conditions = includesDeleted ? [] : ["deleted = 0"]
            if host != nil { conditions.append("host = ?") }
            let condition = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
            let row = try connection.row(
                "SELECT count(*) FROM instances\(condition)", host.map { [.text($0)] } ?? [])
            return Int(row?.integer(0) ?? 0)
        }
    }

    private static func instance(_ row: Database.Connection.Row) -> CellInstance {
        CellInstance(
            uuid: row.text(0) ?? "", projectID: row.text(1), userID: row.text(2), host: row.text(3),
            // The number of the row where it is deleted.
            isDeleted: row.flag(4), isHidden: row.flag(5))
    }

    // MARK: - Access

    private static func token(after rows: [Database.Connection.Row], limit: Int) -> PageToken? {
        guard rows.count == limit, let position = rows.last?.integer(0) else { return nil }
        return PageToken(position: position)
    }

    private func look<Value: Sendable>(
        _ body: @escaping @Sendable (Database.Connection) throws -> Value
    ) async throws(CellError) -> Value {
        do { return try await database.look(body) } catch { throw named(error) }
    }

    private func scan<Value: Sendable>(
        _ body: @escaping @Sendable (Database.Connection) throws -> Value
    ) async throws(CellError) -> Value {
        do { return try await database.scan(body) } catch { throw named(error) }
    }

    private func write<Value: Sendable>(
        _ body: @escaping @Sendable (Database.Connection) throws -> Value
    ) async throws(CellError) -> Value {
        do { return try await database.write(body) } catch { throw named(error) }
    }

    /// The error, with the cell that it is about.
    private func named(_ error: CellError) -> CellError {
        guard error.code != .cancelled else { return error }
        return CellError(
            error.code, "The database of the cell \(cell) can't be used. \(error.message)", cell: cell,
            cause: error.cause)
    }
}
