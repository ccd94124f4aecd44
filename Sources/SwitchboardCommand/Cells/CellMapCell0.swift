import ArgumentParser
import StandardStreams
import SwitchboardCells
import SwitchboardMessaging

struct CellMapCell0: DirectoryCommand {
    static let configuration = CommandConfiguration(
        commandName: "map-cell0",
        abstract: "Adds cell0, where instances are kept that no cell could take. It has no message queue.",
        discussion: "If it is there already it is left as it is.\n\nnova-manage: cell_v2 map_cell0.")
    static let writes = true

    @Option(
        name: [.customLong("database-connection"), .customLong("database_connection")],
        help: ArgumentHelp(
            "The URL of cell0's database, which Nova needs; - to read it from standard input.", valueName: "url"))
    var databaseConnection: String?
    @OptionGroup var directoryOptions: DirectoryOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var secrets: SecretOptions

    func perform(on directory: any MutableCellDirectory) async throws {
        let isNew = try await mapCell0(in: directory, databaseConnection: givenTemplate(databaseConnection))
        if output.json {
            var report = try await directory.cell(.cell0).report(secrets)
            report["created"] = .bool(isNew)
            try StandardOutput.json(.object(report))
        } else {
            try StandardOutput.line(isNew ? "Cell0 is set up." : "Cell0 is already set up.")
        }
    }
}
