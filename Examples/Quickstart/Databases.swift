import ArgumentParser
import SwitchboardCells
import SwitchboardSQLite

/// Opens API databases by their URLs.
enum Databases {
    /// What a database is opened for.
    enum Purpose {
        case reading
        /// Writing; it is made if it isn't there.
        case making
    }

    /// The database at a path or URL: a SQLite file, or a MariaDB or MySQL database.
    static func open(_ location: String, for purpose: Purpose) throws -> any MutableCellDirectory {
        let scheme = location.firstRange(of: "://").map { location[..<$0.lowerBound].lowercased() } ?? ""
        if scheme.hasPrefix("mysql") || scheme.hasPrefix("mariadb") { return try openMariaDB(location, for: purpose) }
        var configuration = SQLiteCellDirectory.Configuration()
        configuration.isReadOnly = purpose == .reading
        configuration.createsIfMissing = purpose == .making
        return try SQLiteCellDirectory(location, configuration: configuration)
    }

    private static func openMariaDB(_ url: String, for purpose: Purpose) throws -> any MutableCellDirectory {
        throw ValidationError(
            "This program was built without a driver for MariaDB and MySQL. Build it with the trait MariaDB.")
    }
}
