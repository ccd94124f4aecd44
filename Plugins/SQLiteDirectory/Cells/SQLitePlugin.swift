internal import SwitchboardCore
public import SwitchboardCells
internal import SwitchboardSQL

extension DatabasePlugin {
    /// SQLite files: directories and cells' databases, by `sqlite:///path` or, for directories, by their path.
    public static func sqlite() -> DatabasePlugin {
        DatabasePlugin(
            schemes: "sqlite", opensPaths: true,
            openDirectory: { url, configuration throws(CellError) in
                var own = SQLiteCellDirectory.Configuration()
                own.isReadOnly = configuration.isReadOnly
                own.createsIfMissing = configuration.createsIfMissing
                own.busyTimeout = configuration.timeout
                return try SQLiteCellDirectory(url.reveal(), configuration: own)
            },
            openCellDatabase: { url, cell, configuration throws(CellError) in
                let path: String
                do throws(CellError) {
                    path = SQLitePath.absolute(try SQLitePath.parse(url.reveal()))
                } catch {
                    throw CellError(
                        .badURL, "The database connection of the cell \(cell) cannot be used. \(error.message)",
                        cell: cell)
                }
                return SQLCellDatabase(SQLiteCellFile(path: path, configuration: configuration), of: cell)
            })
    }
}
