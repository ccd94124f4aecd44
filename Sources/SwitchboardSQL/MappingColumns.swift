package import SwitchboardCells

/// The columns of a cell in every query, and their decoding.
package enum CellColumns {
    @inlinable package static var count: Int { 8 }
    package static let sql =
        "c.id, c.uuid, c.name, c.transport_url, c.database_connection, c.disabled, c.created_at, c.updated_at"

    /// Decodes a cell whose columns begin at `offset`; fails when the row has no UUID.
    @inlinable
    package static func decode(_ row: some SQLRow, at offset: Int) -> Result<CellMapping, CellListing.Defect> {
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
package enum InstanceColumns {
    package static let sql = """
        i.id, i.instance_uuid, i.cell_id, i.project_id, i.user_id, i.queued_for_delete, i.created_at, i.updated_at
        """
    /// Where the columns of the cell begin behind them.
    @inlinable package static var count: Int { 8 }

    /// The project of the row in which `nova-manage cell_v2 map_instances` notes how far it came. It is no instance.
    package static let marker = "INSTANCE_MIGRATION_MARKER"

    @inlinable
    package static func decode(_ row: some SQLRow, cell: CellID?) -> InstanceMapping {
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

/// The columns of a host's mapping in every query, and their decoding.
package enum HostColumns {
    package static let sql = "h.id, h.host, h.cell_id, h.created_at, h.updated_at"
    @inlinable package static var count: Int { 5 }

    @inlinable
    package static func decode(_ row: some SQLRow, cell: CellID?) -> HostMapping {
        HostMapping(host: row.text(1) ?? "", cell: cell, createdAt: row.timestamp(3), updatedAt: row.timestamp(4))
    }
}
