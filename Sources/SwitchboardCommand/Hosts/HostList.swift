import ArgumentParser
import SwitchboardCells
import SwitchboardMessaging

struct HostList: DirectoryCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists the hosts and their cells.",
        discussion: "Exit codes: 1 there is no such cell.\nnova-manage: cell_v2 list_hosts.")
    static let writes = false

    @Option(help: "Only the hosts of this cell: its UUID or name.")
    var cell: String?
    @OptionGroup var directoryOptions: DirectoryOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    func perform(on directory: any MutableCellDirectory) async throws {
        var only: CellID?
        if let cell { only = try await findCell(cell, in: directory).id }
        let cells = try await directory.cells().cells
        // Two rows may write one UUID in different ways.
        let names = Dictionary(cells.map { ($0.id, $0.name) }, uniquingKeysWith: { first, _ in first })
        if output.json {
            var array = try JSONArrayPrinter()
            for try await host in directory.hostMappings(in: only) {
                var report = JSONObject()
                report["host"] = .string(host.host)
                report["cell"] = JSONValue(host.cell?.description)
                report["cell_name"] = JSONValue(host.cell.flatMap { names[$0] ?? nil })
                try array.add(report)
            }
            try array.finish()
            return
        }
        var table = Table("CELL NAME", "CELL UUID", "HOST")
        for try await host in directory.hostMappings(in: only) {
            table.add(host.cell.flatMap { names[$0] ?? nil }, host.cell?.description ?? "(gone)", host.host)
        }
        try table.print()
    }
}
