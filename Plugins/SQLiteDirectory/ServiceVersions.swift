internal import GRDB
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
