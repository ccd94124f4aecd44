package import SwitchboardCells

/// What changes a directory's mappings over a connection, inside a transaction.
package struct MappingWriter<Connection: SQLConnection> {
    private let connection: Connection
    private let statements: MappingStatements
    private let reader: MappingReader<Connection>

    package init(_ connection: Connection, _ statements: MappingStatements) {
        self.connection = connection
        self.statements = statements
        reader = MappingReader(connection, statements)
    }

    package func createCell(_ cell: CellMapping) throws -> CellMapping {
        guard try reader.row(of: cell.id) == nil else { throw CellError.cellExists(cell.id) }
        // Nova fails on every cell when one has no database connection, so that one is never NULL.
        try connection.execute(
            statements.insertCell,
            [
                text(cell.createdAt ?? .now()), cell.updatedAt.map(text) ?? .null, .text(cell.id.description),
                SQLValue(cell.name), .text(cell.transportURL?.reveal() ?? ""),
                .text(cell.databaseConnection?.reveal() ?? ""), SQLValue(cell.isDisabled),
            ])
        return try reader.cell(cell.id)
    }

    package func updateCell(_ id: CellID, _ change: CellChange) throws -> CellMapping {
        let old = try reader.cell(id, locked: true)
        let new = change.applied(to: old)
        if new == old { return old }
        try new.checkForStorage(replacing: old)
        var assignments = ["updated_at = ?"]
        var arguments = [text(.now())]
        if new.name != old.name {
            assignments.append("name = ?")
            arguments.append(SQLValue(new.name))
        }
        if new.transportURL != old.transportURL {
            assignments.append("transport_url = ?")
            arguments.append(SQLValue(new.transportURL?.reveal()))
        }
        if new.databaseConnection != old.databaseConnection {
            assignments.append("database_connection = ?")
            arguments.append(.text(new.databaseConnection?.reveal() ?? ""))
        }
        if new.isDisabled != old.isDisabled {
            assignments.append("disabled = ?")
            arguments.append(SQLValue(new.isDisabled))
        }
        arguments.append(.text(id.description))
        try connection.execute(
            "UPDATE cell_mappings SET \(assignments.joined(separator: ", ")) WHERE uuid = ?", arguments)
        return try reader.cell(id)
    }

    package func deleteCell(_ id: CellID, force: Bool) throws {
        // Locked: no mapping to it can be added from here on.
        let cell = try reader.cell(id, locked: true)
        guard let row = cell.rowID else { throw CellError.unknownCell(id) }
        try reader.usage(ofRow: row).checkDeletion(of: cell.identity, force: force)
        try connection.execute(statements.deleteHostsOfCell, [.integer(row)])
        try connection.execute(statements.deleteInstancesOfCell, [.integer(row)])
        try connection.execute(statements.deleteCell, [.integer(row)])
    }

    package func mapInstances(_ mappings: [InstanceMapping]) throws -> MappingResult {
        var rows: [CellID: Int64] = [:]
        for id in mappings.compactMap(\.cell) where rows[id] == nil {
            guard let row = try reader.row(of: id) else { throw CellError.unknownCell(id) }
            rows[id] = row
        }
        var result = MappingResult()
        for batch in MappingBatches.batches(mappings, key: \.instanceUUID) {
            let keys = MappingBatches.padded(batch.map { .text($0.instanceUUID) })
            let known = Dictionary(
                try connection.rows(statements.lockedInstances(keys.count), keys).map { row in
                    (row.text(0)?.lowercased() ?? "", row)
                }, uniquingKeysWith: { first, _ in first })
            var new: [[SQLValue]] = []
            for mapping in batch {
                let cellRow = mapping.cell.flatMap { rows[$0] }
                guard let old = known[mapping.instanceUUID] else {
                    new.append([
                        text(mapping.createdAt ?? .now()), .text(mapping.instanceUUID), SQLValue(cellRow),
                        .text(mapping.projectID), SQLValue(mapping.userID), SQLValue(mapping.isQueuedForDelete),
                    ])
                    continue
                }
                let isSame =
                    old.integer(1) == cellRow && old.text(2) == mapping.projectID && old.text(3) == mapping.userID
                    && old.flag(4) == mapping.isQueuedForDelete
                if isSame {
                    result.unchanged += 1
                    continue
                }
                try connection.execute(
                    statements.updateInstance,
                    [
                        text(.now()), SQLValue(cellRow), .text(mapping.projectID), SQLValue(mapping.userID),
                        SQLValue(mapping.isQueuedForDelete), .text(mapping.instanceUUID),
                    ])
                result.changed += 1
            }
            for part in MappingBatches.parts(new) {
                try connection.execute(statements.insertInstances(part.count), Array(part.joined()))
            }
            result.added += new.count
        }
        return result
    }

    package func unmapInstances(_ uuids: [String]) throws -> Int {
        try uuids.reduce(0) { count, uuid in
            try count + connection.execute(statements.deleteInstance, [.text(uuid)])
        }
    }

    package func mapHosts(_ hosts: [String], to cell: CellID) throws -> MappingResult {
        guard let cellRow = try reader.row(of: cell) else { throw CellError.unknownCell(cell) }
        var result = MappingResult()
        for batch in MappingBatches.batches(hosts, key: MappingBatches.plainName) {
            try map(batch, toRow: cellRow, &result)
        }
        return result
    }

    private func map(_ batch: [String], toRow cellRow: Int64, _ result: inout MappingResult) throws {
        let keys = MappingBatches.padded(batch.map { .text($0) })
        let rows = try connection.rows(statements.lockedHosts(keys.count), keys)
        let known: [String: Int64?]
        if let host = batch.first, batch.count == 1 {
            // Whatever the database takes for the same name.
            known = rows.first.map { [host: $0.integer(1)] } ?? [:]
        } else {
            let names = rows.compactMap { row in
                MappingBatches.plainName(row.text(0) ?? "").map { ($0, row.integer(1)) }
            }
            guard names.count == rows.count else {
                for host in batch { try map([host], toRow: cellRow, &result) }
                return
            }
            let cells = Dictionary(names) { first, _ in first }
            known = Dictionary(
                batch.compactMap { host in cells[MappingBatches.plainName(host) ?? host].map { (host, $0) } }
            ) { first, _ in first }
        }
        var new: [[SQLValue]] = []
        for host in batch {
            guard let old = known[host] else {
                new.append([text(.now()), .integer(cellRow), .text(host)])
                continue
            }
            if old == cellRow {
                result.unchanged += 1
            } else {
                try connection.execute(statements.updateHost, [text(.now()), .integer(cellRow), .text(host)])
                result.changed += 1
            }
        }
        for part in MappingBatches.parts(new) {
            try connection.execute(statements.insertHosts(part.count), Array(part.joined()))
        }
        result.added += new.count
    }

    package func deleteHost(_ host: String) throws {
        if try connection.execute(statements.deleteHost, [.text(host)]) == 0 { throw CellError.unknownHost(host) }
    }

    private func text(_ time: MappingTimestamp) -> SQLValue { .text(connection.dialect.text(time)) }
}
