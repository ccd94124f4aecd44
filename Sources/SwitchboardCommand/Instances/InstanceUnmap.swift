import ArgumentParser
import StandardStreams
import SwitchboardCells
import SwitchboardMessaging

struct InstanceUnmap: DirectoryCommand {
    static let configuration = CommandConfiguration(
        commandName: "unmap",
        abstract: "Forgets instances.",
        discussion: "Exit codes: 1 one of them had no mapping; the others are forgotten all the same.")
    static let writes = true

    @Argument(help: "The instances' UUIDs.")
    var instances: [String]
    @OptionGroup var directoryOptions: DirectoryOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    func perform(on directory: any MutableCellDirectory) async throws {
        let count = try await directory.unmapInstances(instances)
        if output.json {
            try StandardOutput.json(["unmapped": JSONValue(count)])
        } else {
            try StandardOutput.line("\(count) of \(instances.count) instances are forgotten.")
        }
        if count < instances.count { throw ExitCode(1) }
    }
}
