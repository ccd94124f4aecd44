internal import GRDB
internal import SwitchboardCells

/// Reads columns whatever their values are: SQLite stores anything in any column, and no file may trap us.
extension Row {
    func value(_ index: Int) -> DatabaseValue {
        self[index]
    }

    func text(_ index: Int) -> String? {
        switch value(index).storage {
        case .null: nil
        case .string(let text): text
        case .int64(let number): String(number)
        case .double(let number): String(number)
        case .blob(let data): String(decoding: data, as: UTF8.self)
        }
    }

    func integer(_ index: Int) -> Int64? {
        switch value(index).storage {
        case .int64(let number): number
        case .string(let text): Int64(text)
        case .double(let number): Int64(exactly: number)
        case .null, .blob: nil
        }
    }

    /// NULL reads as `false`, as Nova's objects have it.
    func flag(_ index: Int) -> Bool {
        switch value(index).storage {
        case .int64(let number): number != 0
        case .double(let number): number != 0
        case .string(let text): ["true", "t", "1"].contains(text.lowercased())
        case .null, .blob: false
        }
    }

    func timestamp(_ index: Int) -> MappingTimestamp? {
        text(index).flatMap { MappingTimestamp($0) }
    }
}

/// The columns of a cell in every query, and their decoding.
enum CellColumns {
    static let count = 8
    static let sql =
        "c.id, c.uuid, c.name, c.transport_url, c.database_connection, c.disabled, c.created_at, c.updated_at"

    /// Decodes a cell whose columns begin at `offset`; fails when the row has no UUID.
    static func decode(_ row: Row, at offset: Int) -> Result<CellMapping, CellListing.Defect> {
        let rowID = row.integer(offset)
        let uuid = row.text(offset + 1) ?? ""
        guard let id = CellID(uuid) else {
            let name = row.text(offset + 2).map { " (\($0))" } ?? ""
            return .failure(
                CellListing.Defect(
                    rowID: rowID,
                    message:
                        "The cell in row \(rowID.map(String.init) ?? "?")\(name) has '\(uuid.prefix(64))' for a UUID."))
        }
        let database = row.text(offset + 4)
        return .success(
            CellMapping(
                id: id,
                name: row.text(offset + 2).flatMap { $0.isEmpty ? nil : $0 },
                transportURL: row.text(offset + 3).map { URLTemplate($0) },
                databaseConnection: database.flatMap { $0.isEmpty ? nil : URLTemplate($0) },
                isDisabled: row.flag(offset + 5),
                createdAt: row.timestamp(offset + 6),
                updatedAt: row.timestamp(offset + 7),
                rowID: rowID))
    }
}

/// The columns of an instance's mapping in every query, and their decoding.
enum InstanceColumns {
    static let sql = """
        i.id, i.instance_uuid, i.cell_id, i.project_id, i.user_id, i.queued_for_delete, i.created_at, i.updated_at
        """
    /// Where the columns of the cell begin behind them.
    static let count = 8

    /// The project of the row in which `nova-manage cell_v2 map_instances` notes how far it came. It is no instance.
    static let marker = "INSTANCE_MIGRATION_MARKER"

    static func decode(_ row: Row, cell: CellID?) -> InstanceMapping {
        var mapping = InstanceMapping(
            instanceUUID: row.text(1) ?? "",
            cell: cell,
            projectID: row.text(3) ?? "",
            userID: row.text(4),
            isQueuedForDelete: row.flag(5),
            createdAt: row.timestamp(6),
            updatedAt: row.timestamp(7))
        if cell == nil, let row = row.integer(2) {
            mapping.placement = .missingCell(row: row)
        }
        return mapping
    }
}
