/// The statements of a directory that never change, made once for a dialect.
package final class MappingStatements: Sendable {
    package let dialect: SQLDialect

    // Reading
    package let instance: String
    package let host: String
    package let cell: String
    let cellRow: String
    let cells: String
    let cellsOfProject: String
    let instanceCounts: String
    let hostsOfCell: String
    let instancesOfCell: String

    // Writing
    package let lockedCell: String
    let insertCell: String
    let deleteHostsOfCell = "DELETE FROM host_mappings WHERE cell_id = ?"
    let deleteInstancesOfCell = "DELETE FROM instance_mappings WHERE cell_id = ?"
    let deleteCell = "DELETE FROM cell_mappings WHERE id = ?"
    let updateInstance: String
    let deleteInstance = "DELETE FROM instance_mappings WHERE instance_uuid = ?"
    let updateHost = "UPDATE host_mappings SET updated_at = ?, cell_id = ? WHERE host = ?"
    let deleteHost = "DELETE FROM host_mappings WHERE host = ?"

    package init(_ dialect: SQLDialect) {
        self.dialect = dialect
        instance = """
            SELECT \(InstanceColumns.sql), \(CellColumns.sql)
            FROM instance_mappings i LEFT JOIN cell_mappings c ON c.id = i.cell_id
            WHERE i.instance_uuid = ? AND i.project_id <> '\(InstanceColumns.marker)'
            """
        host = """
            SELECT \(HostColumns.sql), \(CellColumns.sql)
            FROM host_mappings h LEFT JOIN cell_mappings c ON c.id = h.cell_id
            WHERE h.host = ?
            """
        cell = "SELECT \(CellColumns.sql) FROM cell_mappings c WHERE c.uuid = ?"
        cellRow = "SELECT id FROM cell_mappings WHERE uuid = ?"
        cells = "SELECT \(CellColumns.sql) FROM cell_mappings c ORDER BY c.id"
        cellsOfProject = """
            SELECT \(CellColumns.sql) FROM cell_mappings c
            WHERE c.id IN (SELECT DISTINCT cell_id FROM instance_mappings WHERE project_id = ?)
            ORDER BY c.id
            """
        instanceCounts = """
            SELECT count(*), count(CASE WHEN user_id = ? THEN 1 END)
            FROM instance_mappings WHERE project_id = ? AND queued_for_delete = 0
            """
        hostsOfCell = "SELECT count(*) FROM host_mappings WHERE cell_id = ?"
        instancesOfCell = """
            SELECT count(*), count(CASE WHEN coalesce(queued_for_delete, 0) <> 0 THEN 1 END)
            FROM instance_mappings WHERE cell_id = ?
            """
        lockedCell = cell + dialect.lockingRead
        insertCell = """
            INSERT INTO cell_mappings
            (created_at, updated_at, uuid, name, transport_url, database_connection, disabled)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """
        updateInstance = """
            UPDATE instance_mappings
            SET updated_at = ?, cell_id = ?, project_id = ?, user_id = ?, queued_for_delete = ?
            WHERE instance_uuid = ?
            """
    }

    /// Reads the mappings of so many instances, and keeps them from changing until the end of the transaction.
    func lockedInstances(_ count: Int) -> String {
        """
        SELECT instance_uuid, cell_id, project_id, user_id, queued_for_delete FROM instance_mappings
        WHERE instance_uuid \(Self.isOneOf(count))\(dialect.lockingRead)
        """
    }

    /// Reads the mappings of so many hosts, and keeps them from changing until the end of the transaction.
    func lockedHosts(_ count: Int) -> String {
        "SELECT host, cell_id FROM host_mappings WHERE host \(Self.isOneOf(count))\(dialect.lockingRead)"
    }

    func insertInstances(_ count: Int) -> String {
        """
        INSERT INTO instance_mappings (created_at, instance_uuid, cell_id, project_id, user_id, queued_for_delete)
        VALUES \(Self.repeated("(?, ?, ?, ?, ?, ?)", count))
        """
    }

    func insertHosts(_ count: Int) -> String {
        "INSERT INTO host_mappings (created_at, cell_id, host) VALUES \(Self.repeated("(?, ?, ?)", count))"
    }

    private static func isOneOf(_ count: Int) -> String {
        count == 1 ? "= ?" : "IN (\(repeated("?", count)))"
    }

    private static func repeated(_ text: String, _ count: Int) -> String {
        repeatElement(text, count: count).joined(separator: ", ")
    }
}
