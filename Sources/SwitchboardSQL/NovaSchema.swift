/// The part of Nova's API database that a directory uses.
package enum NovaSchema {
    /// Nova's last migration of the API database (34.0.0): what `nova-manage` finds in a database of ours.
    package static let migration = "cdeec0c85668"

    /// The tables and columns without which a database is no directory.
    package static let columns: [(table: String, columns: [String])] = [
        (
            "cell_mappings",
            [
                "created_at", "updated_at", "id", "uuid", "name", "transport_url", "database_connection", "disabled",
            ]
        ),
        (
            "instance_mappings",
            [
                "created_at", "updated_at", "id", "instance_uuid", "cell_id", "project_id", "queued_for_delete",
                "user_id",
            ]
        ),
        ("host_mappings", ["created_at", "updated_at", "id", "cell_id", "host"]),
    ]

    /// What tables or columns are missing, as a sentence's middle; `nil` when all are there.
    ///
    /// - Parameter present: the columns of each table of the database. All names are in lower case.
    package static func defect(of present: [String: Set<String>]) -> String? {
        let missing = columns.map(\.table).filter { present[$0] == nil }
        if !missing.isEmpty {
            let have = present.isEmpty ? "it is empty" : "it has \(present.count) others"
            return "lacks the tables \(missing.joined(separator: ", ")) (\(have))"
        }
        for (table, columns) in columns {
            let missing = columns.filter { present[table]?.contains($0) != true }
            if !missing.isEmpty {
                return "lacks the columns \(missing.joined(separator: ", ")) of the table \(table)"
            }
        }
        return nil
    }
}
