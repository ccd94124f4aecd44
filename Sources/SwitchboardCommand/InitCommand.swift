import ArgumentParser
import StandardStreams
import SwitchboardCells
import SwitchboardMessaging

struct InitCommand: ConfiguredCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Makes a directory with cell0 in it.",
        discussion: """
            Makes the SQLite file if there is none, with the schema of Nova's API database (as 'nova-manage api_db sync' \
            does), readable by its owner only, and maps cell0 (as 'nova-manage cell_v2 map_cell0' does). What is there \
            already is left as it is.
            """)

    @OptionGroup var directoryOptions: DirectoryOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await reportingFailures([:]) {
            let location = try directoryOptions.location()
            let directory = try await Directories.open(location, for: .making)
            let isNew = try await mapCell0(in: directory, databaseConnection: nil)
            let name = Directories.name(of: directory, at: location)
            if output.json {
                try StandardOutput.json(["database": .string(name), "cell0_mapped": .bool(isNew)])
            } else {
                try StandardOutput.line(
                    "The directory \(ArgumentEcho.own.cleaned(name)) is ready\(isNew ? "" : ", as it was").")
            }
        }
    }
}

/// Maps cell0 unless it is there; returns whether it was not.
func mapCell0(in directory: any MutableCellDirectory, databaseConnection: URLTemplate?) async throws(CellError) -> Bool
{
    do {
        try await directory.createCell(
            CellMapping(
                id: .cell0, name: "cell0", transportURL: "none:///", databaseConnection: databaseConnection))
        return true
    } catch  where error.code == .alreadyExists {
        return false
    }
}
