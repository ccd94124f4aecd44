import SwitchboardCells
import SwitchboardCore
import SwitchboardSQLite

/// Opens directories by their URLs.
enum Directories {
    /// What a directory is opened for.
    enum Purpose: Hashable {
        case reading, writing
        /// Writing; it is made if it isn't there.
        case making
    }

    /// The directory at a path or URL: a SQLite file, or a MariaDB or MySQL database as SQLAlchemy names it.
    static func open(_ location: String, for purpose: Purpose) throws -> any MutableCellDirectory {
        if isMariaDB(location) { return try openMariaDB(location, for: purpose) }
        var configuration = SQLiteCellDirectory.Configuration()
        configuration.isReadOnly = purpose == .reading
        configuration.createsIfMissing = purpose == .making
        do throws(CellError) {
            return try SQLiteCellDirectory(location, configuration: configuration)
        } catch {
            guard error.code == .directoryUnavailable, purpose != .making else { throw error }
            throw Failure("\(error.message) 'switchboard init' makes one.", exit: 255)
        }
    }

    /// `mysql://`, `mysql+pymysql://`, `mariadb+…://` and the like.
    static func isMariaDB(_ location: String) -> Bool {
        guard let scheme = location.firstRange(of: "://").map({ location[..<$0.lowerBound].lowercased() }) else {
            return false
        }
        let name = scheme.prefix { $0 != "+" }
        return name == "mysql" || name == "mariadb"
    }

    private static func openMariaDB(_ url: String, for purpose: Purpose) throws -> any MutableCellDirectory {
        throw Failure(
            "The directory \(URLMasker.masked(url)) is a MariaDB or MySQL database, for which this program was built without a "
                + "driver. Build it with the trait MariaDB.", exit: 255)
    }

    /// What a directory is called in messages: its file, or its URL without the password.
    static func name(of directory: any MutableCellDirectory, at location: String) -> String {
        (directory as? SQLiteCellDirectory)?.path ?? URLMasker.masked(location)
    }
}
