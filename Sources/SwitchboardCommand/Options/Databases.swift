import SwitchboardCells
import SwitchboardSQLite

#if MariaDB
    import SwitchboardMariaDB
#endif

extension DatabaseRegistry {
    /// All kinds of databases that this program was built with.
    static var all: DatabaseRegistry {
        #if MariaDB
            return DatabaseRegistry(.sqlite(), .mariaDB(logger: messageLogger()))
        #else
            var databases = DatabaseRegistry(.sqlite())
            databases.explainAbsence(of: "mysql", "mariadb", because: "Build this program with the trait MariaDB.")
            return databases
        #endif
    }
}
