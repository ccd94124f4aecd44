import ArgumentParser
import SwitchboardCells
import SwitchboardCore

struct CellCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cell",
        abstract: "The cells and their message queues.",
        subcommands: [
            CellCreate.self, CellList.self, CellShow.self, CellUpdate.self, CellRotate.self, CellDelete.self,
            CellVerify.self, CellMapCell0.self, CellMapCellAndHosts.self, CellSimpleSetup.self,
        ])
}

/// Which cell a command is about.
struct CellArgument: ParsableArguments {
    @Argument(help: "The cell: its UUID, or its name where only one cell has it.")
    var cell: String

    func find(in directory: some CellDirectory) async throws(CellError) -> CellMapping {
        try await findCell(cell, in: directory)
    }
}

/// The cell that a UUID or name means.
func findCell(_ text: String, in directory: some CellDirectory) async throws(CellError) -> CellMapping {
    if let id = CellID(text) { return try await directory.cell(id) }
    return try await directory.cell(named: text)
}

/// Throws when another cell has one of the URLs, filled in: two cells that share a queue are rarely meant.
func refuseSharedURLs(
    of cell: CellMapping, among cells: [CellMapping], base: BaseURLs, exit: Int32, onlyChanged old: CellMapping? = nil
) throws {
    func filledIn(_ template: URLTemplate?, _ base: BaseURL?) -> String? {
        guard let template, !template.isEmpty else { return nil }
        return (try? template.rendered(from: base).reveal()) ?? template.reveal()
    }
    let queue = filledIn(cell.transportURL, base.transport)
    let database = filledIn(cell.databaseConnection, base.database)
    for other in cells where other.id != cell.id {
        let sharesQueue =
            cell.transportURL != old?.transportURL && queue != nil && queue?.hasPrefix("none:") == false
            && filledIn(other.transportURL, base.transport) == queue
        let sharesDatabase =
            cell.databaseConnection != old?.databaseConnection && database != nil
            && filledIn(other.databaseConnection, base.database) == database
        if sharesQueue || sharesDatabase {
            let what = sharesQueue ? "transport URL" : "database connection"
            throw Failure(
                "The cell \(other.identity) has the same \(what). Give --allow-shared to share it.", exit: exit)
        }
    }
}

/// Throws when a cell's URLs cannot work, and warns when they may not.
///
/// - Parameter isNew: whether the cell is not in the directory yet, so that its UUID would tell nobody anything.
func checkURLs(of cell: CellMapping, base: BaseURLs, exit: Int32, isNew: Bool = false) throws {
    let check = URLCheck(cell, base: base)
    func sentence(_ text: String) -> String {
        isNew ? text.replacing(cell.identity.description, with: cell.name ?? "(without a name)") : text
    }
    if let error = check.errors.first { throw Failure(sentence(error), exit: exit) }
    for warning in check.warnings { complain("warning: \(sentence(warning))") }
}
