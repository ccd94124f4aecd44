import ArgumentParser
import StandardStreams
import SwitchboardCells
import SwitchboardMessaging

struct CellDelete: DirectoryCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Deletes a cell that nothing is mapped to.",
        discussion: """
            Exit codes: 1 there is no such cell; 2 hosts are mapped to it; 3 instances are mapped to it (also with --force); \
            4 mappings of deleted instances refer to it.
            nova-manage: cell_v2 delete_cell.
            """)
    static let writes = true
    static let exitCodes: [CellError.Code: Int32] = [.hostsMapped: 2, .instancesMapped: 3, .deletedInstancesMapped: 4]

    @OptionGroup var cell: CellArgument
    @Flag(help: "Also unmap its hosts, and the instances that wait for deletion.")
    var force = false
    @OptionGroup var directoryOptions: DirectoryOptions
    @OptionGroup var output: OutputOptions

    func perform(on directory: any MutableCellDirectory) async throws {
        let cell = try await cell.find(in: directory)
        try await directory.deleteCell(cell.id, force: force)
        if output.json {
            try StandardOutput.json(["deleted": .string(cell.id.description)])
        } else {
            try StandardOutput.line("The cell \(cell.identity) is deleted.")
        }
    }
}
