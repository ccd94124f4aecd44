internal import GRDB
public import SwitchboardCells
internal import SwitchboardCore

extension CellMapping {
    /// The least `services.version` of a cell's services, read from the cell's own database where that is a SQLite file:
    /// what Nova's `[upgrade_levels]compute = auto` goes by.
    ///
    /// Counted are services that are neither deleted nor forced down; disabled ones too. 0 when there are none.
    ///
    /// - Parameter binary: the services' program.
    /// - Throws: ``SwitchboardCells/CellError``: ``SwitchboardCells/CellError/Code/badURL`` when the cell's database is no
    ///   SQLite file, ``SwitchboardCells/CellError/Code/directoryUnavailable`` when it cannot be read.
    public func oldestService(
        of binary: String = "nova-compute", base: BaseURLs = BaseURLs()
    ) async throws(CellError) -> Int {
        guard let url = try database(base: base)?.reveal(), url.hasPrefix("sqlite:") else {
            throw CellError(
                .badURL,
                "The database of cell \(identity) is no SQLite file; find its services' version by other means.",
                cell: identity)
        }
        let path = SQLitePath.absolute(try SQLitePath.parse(url))
        do {
            var configuration = Configuration()
            configuration.readonly = true
            configuration.busyMode = .timeout(5)
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            return try await queue.read { db in
                let row = try Row.fetchOne(
                    db,
                    sql: """
                        SELECT min(version) FROM services
                        WHERE "binary" = ? AND deleted = 0 AND coalesce(forced_down, 0) = 0 AND version > 0
                        """, arguments: [binary])
                // Whatever somebody wrote there.
                return Int(clamping: row?.integer(0) ?? 0)
            }
        } catch {
            throw CellError.wrapping(error, path: path)
        }
    }
}
