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
    static func open(_ location: String, for purpose: Purpose) async throws -> any MutableCellDirectory {
        let configuration = DatabaseConfiguration(
            isReadOnly: purpose == .reading, createsIfMissing: purpose == .making)
        do throws(CellError) {
            return try await DatabaseRegistry.all.openDirectory(Secret(location), configuration: configuration)
        } catch {
            switch error.code {
            case .directoryUnavailable where purpose != .making:
                throw Failure("\(error.message) 'switchboard init' makes one.", exit: 255)
            case .badURL: throw Failure(error.message, exit: 255)
            default: throw error
            }
        }
    }

    /// What a directory is called in messages: its file, or its URL without the password.
    static func name(of directory: any MutableCellDirectory, at location: String) -> String {
        (directory as? SQLiteCellDirectory)?.path ?? URLMasker.masked(location)
    }
}
