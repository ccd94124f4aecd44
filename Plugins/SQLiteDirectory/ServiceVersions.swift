public import SwitchboardCells
internal import SwitchboardCore
internal import SwitchboardSQL

extension CellMapping {
    /// The lowest `services.version` of a cell's services, read from the cell's own database if that is a SQLite file.
    /// Nova's `[upgrade_levels]compute = auto` uses the same number.
    ///
    /// Counts services that are neither deleted nor forced down, including disabled ones. Returns 0 if there are none.
    ///
    /// - Parameters:
    ///   - binary: the services' program.
    ///   - base: the process's own URLs, which fill in a template.
    /// - Throws: `CellError`: `CellError.Code.badURL` when the cell's database is no
    ///   SQLite file, `CellError.Code.directoryUnavailable` when it cannot be read.
    @available(
        *, deprecated,
        message:
            "Use DatabaseRegistry.openCellDatabase(of:) and oldestServiceVersion(of:), which know other databases too."
    )
    public func oldestService(
        of binary: String = "nova-compute", base: BaseURLs = BaseURLs()
    ) async throws(CellError) -> Int {
        let database = try DatabaseRegistry(.sqlite()).openCellDatabase(
            of: self, base: base, configuration: DatabaseConfiguration(isReadOnly: true))
        return try await database.oldestServiceVersion(of: binary) ?? 0
    }
}
