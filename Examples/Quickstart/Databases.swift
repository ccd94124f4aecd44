import SwitchboardCells
import SwitchboardCore
import SwitchboardSQLite

#if MariaDB
    import SwitchboardMariaDB
#endif

/// Opens API databases by their URLs.
enum Databases {
    private static var all: DatabaseRegistry {
        #if MariaDB
            return DatabaseRegistry(.sqlite(), .mariaDB())
        #else
            var databases = DatabaseRegistry(.sqlite())
            databases.explainAbsence(of: "mysql", "mariadb", because: "Build this program with the trait MariaDB.")
            return databases
        #endif
    }

    /// The database at a path or URL, for reading: a SQLite file, or a MariaDB or MySQL database.
    static func open(_ location: String) async throws -> any MutableCellDirectory {
        try await all.openDirectory(Secret(location), configuration: DatabaseConfiguration(isReadOnly: true))
    }

    /// The same, for writing. The tables are made if they aren't there.
    static func make(_ location: String) async throws -> any MutableCellDirectory {
        try await all.openDirectory(Secret(location), configuration: DatabaseConfiguration(createsIfMissing: true))
    }
}
