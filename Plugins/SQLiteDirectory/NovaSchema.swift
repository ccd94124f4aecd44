internal import GRDB
internal import SwitchboardSQL

/// Nova's API database as `nova-manage api_db sync` makes it on SQLite (nova-cells.md §4.5).
extension NovaSchema {
    /// What a table or column is missing, as a sentence's middle; `nil` when all is there.
    static func defect(of db: Database) throws -> String? {
        var present: [String: Set<String>] = [:]
        for table in try names(db, sql: "SELECT lower(name) FROM sqlite_master WHERE type = 'table'") {
            let isOurs = columns.contains { $0.table == table }
            present[table] = isOurs ? try names(db, sql: "SELECT lower(name) FROM pragma_table_info('\(table)')") : []
        }
        return defect(of: present)
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
