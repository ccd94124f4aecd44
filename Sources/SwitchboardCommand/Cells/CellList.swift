import ArgumentParser
import StandardStreams
import SwitchboardCells
import SwitchboardMessaging

struct CellList: DirectoryCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists the cells.",
        discussion: """
            URLs are shown as stored; 'cell show' fills a template in. Cells that cannot be read are named on standard \
            error and do not hide the others.

            nova-manage: cell_v2 list_cells.
            """)
    static let writes = false

    @Option(help: "Only the cells that hold instances of this project.")
    var project: String?
    @OptionGroup var directoryOptions: DirectoryOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var secrets: SecretOptions

    func perform(on directory: any MutableCellDirectory) async throws {
        let listing =
            if let project { try await directory.cells(ofProject: project) } else { try await directory.cells() }
        for defect in listing.defects { complain("warning: \(defect.message)") }
        if output.json {
            try StandardOutput.json(.array(listing.cells.map { .object($0.report(secrets)) }))
            return
        }
        var table = Table("NAME", "UUID", "DISABLED", "TRANSPORT URL", "DATABASE CONNECTION")
        for cell in listing.cells {
            table.add(
                cell.name, cell.id.description, cell.isDisabled ? "yes" : "no", secrets.text(cell.transportURL),
                secrets.text(cell.databaseConnection))
        }
        try table.print()
        if listing.cells.isEmpty { complain("There are no cells. 'switchboard cell create' adds one.") }
    }
}
