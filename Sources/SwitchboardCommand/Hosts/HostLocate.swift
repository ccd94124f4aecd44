import ArgumentParser
import StandardStreams
import SwitchboardCells
import SwitchboardMessaging

struct HostLocate: DirectoryCommand {
    static let configuration = CommandConfiguration(
        commandName: "locate",
        abstract: "Prints the cell of a host.",
        discussion: "Exit codes: 1 the host has no mapping, or its cell is gone.")
    static let writes = false

    @Argument(help: "The host's name.")
    var host: String
    @OptionGroup var directoryOptions: DirectoryOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var secrets: SecretOptions

    func perform(on directory: any MutableCellDirectory) async throws {
        let location = try await directory.location(ofHost: host)
        if output.json {
            var report = JSONObject()
            report["host"] = .string(location.mapping.host)
            report["cell"] = .object(location.cell.report(secrets))
            try StandardOutput.json(.object(report))
        } else {
            try printFields([
                ("Host", location.mapping.host), ("Cell", location.cell.identity.description),
                ("Transport URL", secrets.text(location.cell.transportURL)),
            ])
        }
    }
}
