internal import GRDB
public import SwitchboardCells

extension SQLiteCellDirectory {
    @discardableResult
    public func createCell(_ cell: CellMapping) async throws(CellError) -> CellMapping {
        try cell.checkForStorage()
        return try await write { db in
            guard try Self.row(of: cell.id, in: db) == nil else { throw CellError.cellExists(cell.id) }
            // Nova fails on every cell when one has no database connection, so that one is never NULL.
            try db.execute(
                sql: """
                    INSERT INTO cell_mappings
                    (created_at, updated_at, uuid, name, transport_url, database_connection, disabled)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    (cell.createdAt ?? .now()).description, cell.updatedAt?.description, cell.id.description, cell.name,
                    cell.transportURL?.reveal() ?? "", cell.databaseConnection?.reveal() ?? "", cell.isDisabled,
                ])
            return try Self.cell(cell.id, in: db)
        }
    }

    @discardableResult
    public func updateCell(_ id: CellID, _ change: CellChange) async throws(CellError) -> CellMapping {
        try await write { db in
            let old = try Self.cell(id, in: db)
            let new = change.applied(to: old)
            if new == old { return old }
            try new.checkForStorage(replacing: old)
            var assignments = ["updated_at = ?"]
            var arguments: StatementArguments = [MappingTimestamp.now().description]
            if new.name != old.name {
                assignments.append("name = ?")
                arguments += [new.name]
            }
            if new.transportURL != old.transportURL {
                assignments.append("transport_url = ?")
                arguments += [new.transportURL?.reveal()]
            }
            if new.databaseConnection != old.databaseConnection {
                assignments.append("database_connection = ?")
                arguments += [new.databaseConnection?.reveal() ?? ""]
            }
            if new.isDisabled != old.isDisabled {
                assignments.append("disabled = ?")
                arguments += [new.isDisabled]
            }
            arguments += [id.description]
            try db.execute(
                sql: "UPDATE cell_mappings SET \(assignments.joined(separator: ", ")) WHERE uuid = ?",
                arguments: arguments)
            return try Self.cell(id, in: db)
        }
    }

    public func deleteCell(_ id: CellID, force: Bool) async throws(CellError) {
        try await write { db in
            let cell = try Self.cell(id, in: db)
            guard let row = cell.rowID else { throw CellError.unknownCell(id) }
            try Self.usage(ofRow: row, in: db).checkDeletion(of: cell.identity, force: force)
            try db.execute(sql: "DELETE FROM host_mappings WHERE cell_id = ?", arguments: [row])
            try db.execute(sql: "DELETE FROM instance_mappings WHERE cell_id = ?", arguments: [row])
            try db.execute(sql: "DELETE FROM cell_mappings WHERE id = ?", arguments: [row])
        }
    }

    @discardableResult
    public func mapInstances(_ mappings: [InstanceMapping]) async throws(CellError) -> MappingResult {
        for mapping in mappings {
            try mapping.checkForStorage()
        }
        return try await write { db in
            var rows: [CellID: Int64] = [:]
            func row(of id: CellID) throws -> Int64 {
                if let row = rows[id] { return row }
                guard let row = try Self.row(of: id, in: db) else { throw CellError.unknownCell(id) }
                rows[id] = row
                return row
            }
            var result = MappingResult()
            for mapping in mappings {
                let outcome = try Self.map(mapping, toRow: mapping.cell.map(row(of:)), in: db)
                result[keyPath: outcome] += 1
            }
            return result
        }
    }

    private static func map(
        _ mapping: InstanceMapping, toRow cellRow: Int64?, in db: Database
    ) throws -> WritableKeyPath<MappingResult, Int> {
        let select = try db.cachedStatement(
            sql: """
                SELECT cell_id, project_id, user_id, queued_for_delete FROM instance_mappings WHERE instance_uuid = ?
                """)
        guard let old = try Row.fetchOne(select, arguments: [mapping.instanceUUID]) else {
            let insert = try db.cachedStatement(
                sql: """
                    INSERT INTO instance_mappings
                    (created_at, instance_uuid, cell_id, project_id, user_id, queued_for_delete)
                    VALUES (?, ?, ?, ?, ?, ?)
                    """)
            try insert.execute(arguments: [
                (mapping.createdAt ?? .now()).description, mapping.instanceUUID, cellRow, mapping.projectID,
                mapping.userID, mapping.isQueuedForDelete,
            ])
            return \.added
        }
        let isSame =
            old.integer(0) == cellRow && old.text(1) == mapping.projectID && old.text(2) == mapping.userID
            && old.flag(3) == mapping.isQueuedForDelete
        if isSame { return \.unchanged }
        let update = try db.cachedStatement(
            sql: """
                UPDATE instance_mappings
                SET updated_at = ?, cell_id = ?, project_id = ?, user_id = ?, queued_for_delete = ?
                WHERE instance_uuid = ?
                """)
        try update.execute(arguments: [
            MappingTimestamp.now().description, cellRow, mapping.projectID, mapping.userID, mapping.isQueuedForDelete,
            mapping.instanceUUID,
        ])
        return \.changed
    }

    @discardableResult
    public func unmapInstances(_ instanceUUIDs: [String]) async throws(CellError) -> Int {
        var uuids: [String] = []
        for uuid in instanceUUIDs {
            uuids.append(try canonicalInstanceUUID(uuid))
        }
        return try await write { [uuids] db in
            let delete = try db.cachedStatement(sql: "DELETE FROM instance_mappings WHERE instance_uuid = ?")
            var count = 0
            for uuid in uuids {
                try delete.execute(arguments: [uuid])
                count += db.changesCount
            }
            return count
        }
    }

    @discardableResult
    public func mapHosts(_ hosts: [String], to cell: CellID) async throws(CellError) -> MappingResult {
        for host in hosts {
            try HostMapping.check(host)
        }
        return try await write { db in
            guard let cellRow = try Self.row(of: cell, in: db) else { throw CellError.unknownCell(cell) }
            let select = try db.cachedStatement(sql: "SELECT cell_id FROM host_mappings WHERE host = ?")
            let insert = try db.cachedStatement(
                sql: "INSERT INTO host_mappings (created_at, cell_id, host) VALUES (?, ?, ?)")
            let update = try db.cachedStatement(
                sql: "UPDATE host_mappings SET updated_at = ?, cell_id = ? WHERE host = ?")
            var result = MappingResult()
            for host in hosts {
                let now = MappingTimestamp.now().description
                if let old = try Row.fetchOne(select, arguments: [host]) {
                    if old.integer(0) == cellRow {
                        result.unchanged += 1
                    } else {
                        try update.execute(arguments: [now, cellRow, host])
                        result.changed += 1
                    }
                } else {
                    try insert.execute(arguments: [now, cellRow, host])
                    result.added += 1
                }
            }
            return result
        }
    }

    public func deleteHost(_ host: String) async throws(CellError) {
        try await write { db in
            try db.execute(sql: "DELETE FROM host_mappings WHERE host = ?", arguments: [host])
            if db.changesCount == 0 { throw CellError.unknownHost(host) }
        }
    }
}
