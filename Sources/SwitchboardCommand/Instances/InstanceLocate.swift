import ArgumentParser
import StandardStreams
import SwitchboardCells
import SwitchboardMessaging

struct InstanceLocate: DirectoryCommand {
    static let configuration = CommandConfiguration(
        commandName: "locate",
        abstract: "Prints the cell of an instance.",
        discussion: "Exit codes: 1 the instance has no mapping; 2 it is mapped to no cell yet.")
    static let writes = false
    static let exitCodes: [CellError.Code: Int32] = [.notScheduled: 2]

    @Argument(help: "The instance's UUID.")
    var instance: String
    @OptionGroup var directoryOptions: DirectoryOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var secrets: SecretOptions

    func perform(on directory: any MutableCellDirectory) async throws {
        let location = try await directory.location(ofInstance: instance)
        let cell = try location.requireCell()
        if output.json {
            var report = location.mapping.report
            report["cell"] = .object(cell.report(secrets))
            try StandardOutput.json(.object(report))
        } else {
            try printFields([
                ("Instance", location.mapping.instanceUUID), ("Cell", cell.identity.description),
                ("Transport URL", secrets.text(cell.transportURL)), ("Project", location.mapping.projectID),
                ("User", location.mapping.userID),
                ("Waiting for deletion", location.mapping.isQueuedForDelete ? "yes" : "no"),
            ])
        }
    }
}
