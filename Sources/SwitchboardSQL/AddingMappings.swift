package import SwitchboardCells

/// The statements that add mappings to a directory, where there is none. For the body of one write.
package enum AddingMappings {
    /// The project, and the user, of a row that is no instance: up to which instance a cell's instances are mapped.
    package static let marker = "INSTANCE_MIGRATION_MARKER"

    private static let namesPerStatement = 500
    private static let rowsPerStatement = 100

    // MARK: - Hosts

    package static func addHosts<Connection: SQLConnection>(
        _ hosts: [String], to cell: CellID, in connection: Connection
    ) throws -> AddedHosts {
        for host in hosts { try HostMapping.check(host) }
        let row = try row(of: cell, in: connection)
        var result = AddedHosts()
        var later: [String] = []
        for chunk in hosts.chunked(into: namesPerStatement) {
            var folded: Set<String> = []
            var names: [String] = []
            // What some databases take for the same name is looked at one by one, in the order given.
            var alike: [String] = []
            for host in chunk where !names.contains(host) {
                if folded.insert(host.lowercased()).inserted { names.append(host) } else { alike.append(host) }
            }
            let found = try mappings(ofHosts: names, in: connection)
            let known = Set(found.map(\.stored))
            let isExact = known.isSubset(of: names)
            let missing = names.filter { !known.contains($0) }
            result.elsewhere += found.filter { $0.row != row }.map(\.mapping)
            if isExact {
                try insert(missing, row, in: connection)
                result.added += missing
            } else {
                later += missing
            }
            later += alike
        }
        for host in later {
            if let found = try mappings(ofHosts: [host], in: connection).first {
                if found.row != row, !result.elsewhere.contains(found.mapping) {
                    result.elsewhere.append(found.mapping)
                }
            } else {
                try insert([host], row, in: connection)
                result.added.append(host)
            }
        }
        return result
    }

    private struct FoundHost {
        var stored: String
        var row: Int64
        var mapping: HostMapping
    }

    private static func mappings<Connection: SQLConnection>(
        ofHosts hosts: [String], in connection: Connection
    ) throws -> [FoundHost] {
        guard !hosts.isEmpty else { return [] }
        let rows = try connection.rows(
            """
            SELECT h.host, h.cell_id, c.uuid FROM host_mappings h LEFT JOIN cell_mappings c ON c.id = h.cell_id
            WHERE h.host IN (\(parameters(hosts.count)))\(connection.dialect.lockingRead)
            """, hosts.map { .text($0) })
        return rows.map { row in
            let host = row.text(0) ?? ""
            return FoundHost(
                stored: host, row: row.integer(1) ?? 0,
                mapping: HostMapping(host: host, cell: row.text(2).flatMap { CellID($0) }))
        }
    }

    private static func insert<Connection: SQLConnection>(
        _ hosts: [String], _ row: Int64, in connection: Connection
    ) throws {
        let now = connection.dialect.now()
        for chunk in hosts.chunked(into: rowsPerStatement) {
            let values = Array(repeating: "(?, ?, ?)", count: chunk.count).joined(separator: ", ")
            try connection.execute(
                "INSERT INTO host_mappings (created_at, cell_id, host) VALUES \(values)",
                chunk.flatMap { [now, .integer(row), .text($0)] })
        }
    }

    // MARK: - Instances

    package static func addInstances<Connection: SQLConnection>(
        _ mappings: [InstanceMapping], to cell: CellID, marker step: InstanceMarker.Step?, in connection: Connection
    ) throws -> AddedInstances {
        let row = try row(of: cell, in: connection)
        var result = AddedInstances()
        for chunk in mappings.chunked(into: namesPerStatement) {
            var missing: [String: InstanceMapping] = [:]
            var order: [String] = []
            for var mapping in chunk {
                mapping.placement = .cell(cell)
                try mapping.checkForStorage()
                if missing.updateValue(mapping, forKey: mapping.instanceUUID) == nil {
                    order.append(mapping.instanceUUID)
                } else {
                    result.unchanged += 1
                }
            }
            let rows = try connection.rows(
                """
                SELECT instance_uuid, cell_id FROM instance_mappings
                WHERE instance_uuid IN (\(parameters(order.count)))\(connection.dialect.lockingRead)
                """, order.map { .text($0) })
            for found in rows {
                missing[found.text(0)?.lowercased() ?? ""] = nil
                if let other = found.integer(1), other != row { result.elsewhere += 1 } else { result.unchanged += 1 }
            }
            let new = order.compactMap { missing[$0] }
            try insert(new, row, in: connection)
            result.added += new.count
        }
        if let step { try move(step, in: connection) }
        return result
    }

    private static func insert<Connection: SQLConnection>(
        _ mappings: [InstanceMapping], _ row: Int64, in connection: Connection
    ) throws {
        let now = connection.dialect.now()
        for chunk in mappings.chunked(into: rowsPerStatement) {
            let values = Array(repeating: "(?, ?, ?, ?, ?, 0)", count: chunk.count).joined(separator: ", ")
            try connection.execute(
                """
                INSERT INTO instance_mappings (created_at, instance_uuid, cell_id, project_id, user_id, queued_for_delete)
                VALUES \(values)
                """,
                chunk.flatMap { mapping -> [SQLValue] in
                    [
                        now, .text(mapping.instanceUUID), .integer(row), .text(mapping.projectID),
                        mapping.userID.map { .text($0) } ?? .null,
                    ]
                })
        }
    }

    // MARK: - Markers

    /// The markers, in the order in which Nova reads them: it takes the first one and forgets that.
    package static func markers<Connection: SQLConnection>(in connection: Connection) throws -> [InstanceMarker] {
        try markerRows(in: connection).map { row in
            let uuid = uuid(ofMarker: row)
            let mapping = try connection.row(
                """
                SELECT c.uuid FROM instance_mappings i LEFT JOIN cell_mappings c ON c.id = i.cell_id
                WHERE i.instance_uuid = ?
                """, [.text(uuid)])
            return InstanceMarker(instanceUUID: uuid, cell: mapping?.text(0).flatMap { CellID($0) })
        }
    }

    private static func markerRows<Connection: SQLConnection>(in connection: Connection) throws -> [String] {
        try connection.rows(
            "SELECT instance_uuid FROM instance_mappings WHERE project_id = ? ORDER BY id", [.text(marker)]
        )
        .map { $0.text(0) ?? "" }
    }

    /// Nova writes blanks for the dashes, as the instance itself is mapped already, and a UUID is mapped once.
    private static func uuid(ofMarker text: String) -> String { text.replacing(" ", with: "-") }
    private static func text(ofMarker uuid: String) -> String { uuid.replacing("-", with: " ") }

    /// Moves a cell's marker. It comes before those of other cells, so that Nova, which takes the first one for its own,
    /// continues what was done last.
    private static func move<Connection: SQLConnection>(_ step: InstanceMarker.Step, in connection: Connection) throws {
        let old = try markerRows(in: connection)
        var new = step.to.map { [text(ofMarker: $0)] } ?? []
        for marker in old {
            let uuid = uuid(ofMarker: marker)
            guard uuid != step.from, !new.contains(marker) else { continue }
            // Without the instance's mapping nobody can tell where to continue.
            let mapping = try connection.row("SELECT 1 FROM instance_mappings WHERE instance_uuid = ?", [.text(uuid)])
            if mapping != nil { new.append(marker) }
        }
        guard new != old else { return }
        try connection.execute("DELETE FROM instance_mappings WHERE project_id = ?", [.text(marker)])
        let now = connection.dialect.now()
        for text in new {
            try connection.execute(
                """
                INSERT INTO instance_mappings (created_at, instance_uuid, project_id, user_id, queued_for_delete)
                VALUES (?, ?, ?, ?, 0)
                """, [now, .text(text), .text(marker), .text(marker)])
        }
    }

    // MARK: - Common

    private static func row<Connection: SQLConnection>(of cell: CellID, in connection: Connection) throws -> Int64 {
        let row = try connection.row("SELECT id FROM cell_mappings WHERE uuid = ?", [.text(cell.description)])
        guard let id = row?.integer(0) else { throw CellError.unknownCell(cell) }
        return id
    }

    private static func parameters(_ count: Int) -> String {
        Array(repeating: "?", count: count).joined(separator: ", ")
    }
}
