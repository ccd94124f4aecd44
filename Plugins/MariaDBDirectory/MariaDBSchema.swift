#if MariaDB
    internal import SwitchboardCells
    internal import SwitchboardSQL

    /// Nova's API database as `nova-manage api_db sync` makes it on MariaDB and MySQL (nova-cells.md §4.5).
    struct MariaDBSchema {
        /// The database, for sentences.
        let name: String
        let createsIfMissing: Bool

        /// Checks that all tables exist. Creates them in an empty database if the configuration says so.
        func prepare(_ connection: MariaDBConnection) throws {
            guard let defect = NovaSchema.defect(of: try tables(connection)) else { return }
            guard createsIfMissing else { throw incomplete(defect) }
            // Somebody else may be making them at this moment, one after the other.
            try withLock(connection) {
                let present = try tables(connection)
                if present.isEmpty {
                    try create(connection)
                } else if let defect = NovaSchema.defect(of: present) {
                    let isPartial = present.keys.contains { name in Self.tables.contains { $0.name == name } }
                    throw incomplete(
                        defect,
                        isPartial ? "Its tables were made in part only: drop them, and let them be made again." : nil)
                }
            }
        }

        private func incomplete(_ defect: String, _ advice: String? = nil) -> CellError {
            let advice = advice ?? "Give the URL of Nova's API database, or let one be created in an empty database."
            return CellError(
                .directoryInvalid, "The database \(name) is no directory of cells: it \(defect). \(advice)")
        }

        /// The columns of each table, in lower case.
        private func tables(_ connection: MariaDBConnection) throws -> [String: Set<String>] {
            let rows = try connection.rows(
                """
                SELECT lower(t.table_name), lower(c.column_name)
                FROM information_schema.tables t
                LEFT JOIN information_schema.columns c
                ON c.table_schema = t.table_schema AND c.table_name = t.table_name
                AND t.table_name IN (\(Self.tables.map { "'\($0.name)'" }.joined(separator: ", ")))
                WHERE t.table_schema = database()
                """, [])
            return rows.reduce(into: [:]) { tables, row in
                guard let table = row.text(0) else { return }
                tables[table, default: []].formUnion(row.text(1).map { [$0] } ?? [])
            }
        }

        /// Runs `body` while nobody else does. The server can't make tables in a transaction, so others who want the same wait.
        private func withLock(_ connection: MariaDBConnection, _ body: () throws -> Void) throws {
            let lock = try connection.rows("SELECT get_lock(concat(database(), '.switchboard'), 4)", []).first
            guard lock?.integer(0) == 1 else {
                throw CellError(
                    .directoryUnavailable, "Another program makes tables in the database \(name); try again.")
            }
            defer { _ = try? connection.rows("SELECT release_lock(concat(database(), '.switchboard'))", []) }
            try body()
        }

        private func create(_ connection: MariaDBConnection) throws(MariaDBError) {
            for table in Self.tables { try connection.command(table.statement) }
            // Last, because it says that all is there.
            try connection.execute(
                "INSERT INTO alembic_version (version_num) VALUES (?)", [.text(NovaSchema.migration)])
        }

        private static let times = "created_at DATETIME, updated_at DATETIME, id INTEGER NOT NULL AUTO_INCREMENT"
        private static let options = "ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb3"

        private static let tables: [(name: String, statement: String)] = [
            (
                "alembic_version",
                """
                CREATE TABLE alembic_version (
                    version_num VARCHAR(32) NOT NULL,
                    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
                ) \(options)
                """
            ),
            (
                "cell_mappings",
                """
                CREATE TABLE cell_mappings (
                    \(times), uuid VARCHAR(36) NOT NULL, name VARCHAR(255), transport_url TEXT, database_connection TEXT,
                    disabled BOOL,
                    PRIMARY KEY (id), CONSTRAINT uniq_cell_mappings0uuid UNIQUE (uuid), KEY uuid_idx (uuid)
                ) \(options)
                """
            ),
            (
                "host_mappings",
                """
                CREATE TABLE host_mappings (
                    \(times), cell_id INTEGER NOT NULL, host VARCHAR(255) NOT NULL,
                    PRIMARY KEY (id), CONSTRAINT uniq_host_mappings0host UNIQUE (host), KEY cell_id (cell_id),
                    KEY host_idx (host), FOREIGN KEY (cell_id) REFERENCES cell_mappings (id)
                ) \(options)
                """
            ),
            (
                "instance_mappings",
                """
                CREATE TABLE instance_mappings (
                    \(times), instance_uuid VARCHAR(36) NOT NULL, cell_id INTEGER, project_id VARCHAR(255) NOT NULL,
                    queued_for_delete BOOL, user_id VARCHAR(255),
                    PRIMARY KEY (id), CONSTRAINT uniq_instance_mappings0instance_uuid UNIQUE (instance_uuid),
                    KEY cell_id (cell_id), KEY instance_uuid_idx (instance_uuid),
                    KEY instance_mappings_user_id_project_id_idx (user_id, project_id), KEY project_id_idx (project_id),
                    FOREIGN KEY (cell_id) REFERENCES cell_mappings (id)
                ) \(options)
                """
            ),
            (
                "build_requests",
                """
                CREATE TABLE build_requests (
                    \(times), project_id VARCHAR(255) NOT NULL, instance_uuid VARCHAR(36), instance MEDIUMTEXT,
                    block_device_mappings MEDIUMTEXT, tags TEXT,
                    PRIMARY KEY (id), CONSTRAINT uniq_build_requests0instance_uuid UNIQUE (instance_uuid),
                    KEY build_requests_instance_uuid_idx (instance_uuid), KEY build_requests_project_id_idx (project_id)
                ) \(options)
                """
            ),
        ]
    }
#endif
