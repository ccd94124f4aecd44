internal import GRDB

/// The part of Nova's API database that the directory uses, as `nova-manage api_db sync` makes it on SQLite
/// (nova-cells.md §4.5).
enum NovaSchema {
    /// Nova's last migration of the API database (34.0.0): what `nova-manage` finds in a file of ours.
    static let migration = "cdeec0c85668"

    /// The tables and columns without which a file is no directory.
    static let columns: [(table: String, columns: [String])] = [
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

    /// What a table or column is missing, as a sentence's middle; `nil` when all is there.
    static func defect(of db: Database) throws -> String? {
        let tables = try names(db, sql: "SELECT lower(name) FROM sqlite_master WHERE type = 'table'")
        let missing = columns.map(\.table).filter { !tables.contains($0) }
        if !missing.isEmpty {
            let have = tables.isEmpty ? "it is empty" : "it has \(tables.count) others"
            return "lacks the tables \(missing.joined(separator: ", ")) (\(have))"
        }
        for (table, columns) in columns {
            let present = try names(db, sql: "SELECT lower(name) FROM pragma_table_info('\(table)')")
            let missing = columns.filter { !present.contains($0) }
            if !missing.isEmpty {
                return "lacks the columns \(missing.joined(separator: ", ")) of the table \(table)"
            }
        }
        return nil
    }

    private static func names(_ db: Database, sql: String) throws -> Set<String> {
        Set(try Row.fetchAll(db, sql: sql).compactMap { $0.text(0) })
    }

    /// Makes the schema in an empty database.
    static func create(in db: Database) throws {
        try db.execute(sql: statements)
        try db.execute(sql: "INSERT INTO alembic_version (version_num) VALUES (?)", arguments: [migration])
    }

    private static let statements = """
        CREATE TABLE alembic_version (
            version_num VARCHAR(32) NOT NULL,
            CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
        );
        CREATE TABLE cell_mappings (
            created_at DATETIME,
            updated_at DATETIME,
            id INTEGER NOT NULL,
            uuid VARCHAR(36) NOT NULL,
            name VARCHAR(255),
            transport_url TEXT,
            database_connection TEXT,
            disabled BOOLEAN,
            PRIMARY KEY (id),
            CONSTRAINT uniq_cell_mappings0uuid UNIQUE (uuid)
        );
        CREATE INDEX uuid_idx ON cell_mappings (uuid);
        CREATE TABLE host_mappings (
            created_at DATETIME,
            updated_at DATETIME,
            id INTEGER NOT NULL,
            cell_id INTEGER NOT NULL,
            host VARCHAR(255) NOT NULL,
            PRIMARY KEY (id),
            CONSTRAINT uniq_host_mappings0host UNIQUE (host),
            FOREIGN KEY(cell_id) REFERENCES cell_mappings (id)
        );
        CREATE INDEX host_idx ON host_mappings (host);
        CREATE TABLE instance_mappings (
            created_at DATETIME,
            updated_at DATETIME,
            id INTEGER NOT NULL,
            instance_uuid VARCHAR(36) NOT NULL,
            cell_id INTEGER,
            project_id VARCHAR(255) NOT NULL,
            queued_for_delete BOOLEAN,
            user_id VARCHAR(255),
            PRIMARY KEY (id),
            CONSTRAINT uniq_instance_mappings0instance_uuid UNIQUE (instance_uuid),
            FOREIGN KEY(cell_id) REFERENCES cell_mappings (id)
        );
        CREATE INDEX instance_uuid_idx ON instance_mappings (instance_uuid);
        CREATE INDEX project_id_idx ON instance_mappings (project_id);
        CREATE INDEX instance_mappings_user_id_project_id_idx ON instance_mappings (user_id, project_id);
        CREATE TABLE build_requests (
            created_at DATETIME,
            updated_at DATETIME,
            id INTEGER NOT NULL,
            project_id VARCHAR(255) NOT NULL,
            instance_uuid VARCHAR(36),
            instance TEXT,
            block_device_mappings TEXT,
            tags TEXT,
            PRIMARY KEY (id),
            CONSTRAINT uniq_build_requests0instance_uuid UNIQUE (instance_uuid)
        );
        CREATE INDEX build_requests_project_id_idx ON build_requests (project_id);
        CREATE INDEX build_requests_instance_uuid_idx ON build_requests (instance_uuid);
        """
}
