import ArgumentParser
import StandardStreams
import SwitchboardCells
import SwitchboardMessaging

struct InstanceVerify: DirectoryCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Says whether an instance is mapped to a cell.",
        discussion: """
            Exit codes: 0 it is in a cell; 1 it is not mapped, or does not exist; 2 it is mapped to no cell yet; 3 it is \
            deleted in its cell and waits to be archived.
            nova-manage: cell_v2 verify_instance (its code 4 needs the cell's database, which is not looked at here).
            """)
    static let writes = false
    static let exitCodes: [CellError.Code: Int32] = [.notScheduled: 2]

    @Argument(help: "The instance's UUID.")
    var instance: String
    @Flag(name: .shortAndLong, help: "Print nothing; the exit code tells.")
    var quiet = false
    @OptionGroup var directoryOptions: DirectoryOptions
    @OptionGroup var output: OutputOptions

    func perform(on directory: any MutableCellDirectory) async throws {
        do {
            let location = try await directory.location(ofInstance: instance)
            let cell = try location.requireCell()
            let isDeleted = location.mapping.isQueuedForDelete
            if !quiet {
                let uuid = location.mapping.instanceUUID
                let sentence =
                    isDeleted
                    ? "The instance \(uuid) is deleted in the cell \(cell.identity) and waits to be archived."
                    : "The instance \(uuid) is in the cell \(cell.identity)."
                try StandardOutput.line(output.json ? "\(JSONValue.object(location.mapping.report))" : sentence)
            }
            if isDeleted { throw ExitCode(3) }
        } catch let error as CellError where quiet && [.unknownInstance, .notScheduled].contains(error.code) {
            throw ExitCode(error.code == .notScheduled ? 2 : 1)
        }
    }
}
