public import Logging
internal import SwitchboardCore

extension CellVersions {
    /// Creates an empty table whose versions come from the cells' own databases, as Nova's `[upgrade_levels]compute = auto`
    /// finds them, but for each cell on its own. A cell whose database is gone or doesn't answer costs its own
    /// ``CellVersionsConfiguration/cellTimeout`` and nobody else's, and keeps its last version.
    ///
    /// - Parameters:
    ///   - directory: where the cells are listed.
    ///   - databases: the kinds of databases that cells have.
    ///   - base: the process's own URLs, which fill in templates.
    ///   - binary: the services' program.
    ///   - configuration: how to look for versions.
    ///   - logger: where failures are logged.
    ///   - version: what services of that number understand. The number is 0 for a cell without such services.
    public convenience init(
        directory: any CellDirectory, databases: DatabaseRegistry, base: BaseURLs = BaseURLs(),
        binary: String = "nova-compute", configuration: CellVersionsConfiguration = CellVersionsConfiguration(),
        logger: Logger, version: @escaping @Sendable (_ oldestService: Int) throws -> Version
    ) {
        let opening = DatabaseConfiguration(isReadOnly: true, timeout: configuration.cellTimeout)
        self.init(directory: directory, configuration: configuration, logger: logger) { cell in
            let database = try databases.openCellDatabase(of: cell, base: base, configuration: opening)
            return try version(try await database.oldestServiceVersion(of: binary) ?? 0)
        }
    }
}
