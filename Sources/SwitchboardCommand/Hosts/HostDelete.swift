import ArgumentParser
import StandardStreams
import SwitchboardCells
import SwitchboardMessaging

struct HostDelete: DirectoryCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Forgets a host.",
        discussion: """
            Nova refuses while the host has instances; that is in the cell's database, which is not looked at here.

            Exit codes: 1 there is no such cell; 2 there is no such host; 3 the host is in another cell.
            nova-manage: cell_v2 delete_host.
            """)
    static let writes = true
    static let exitCodes: [CellError.Code: Int32] = [.unknownHost: 2]

    @Argument(help: "The host's name.")
    var host: String
    @Option(help: "The cell in which it must be: its UUID or name.")
    var cell: String?
    @OptionGroup var directoryOptions: DirectoryOptions
    @OptionGroup var output: OutputOptions

    func perform(on directory: any MutableCellDirectory) async throws {
        if let cell {
            let expected = try await findCell(cell, in: directory)
            let location = try await directory.location(ofHost: host)
            if location.cell.id != expected.id {
                throw Failure(
                    "The host \(host) is not in the cell \(expected.identity), but in \(location.cell.identity).",
                    exit: 3)
            }
        }
        try await directory.deleteHost(host)
        if output.json {
            try StandardOutput.json(["deleted": .string(host)])
        } else {
            try StandardOutput.line("The host \(ArgumentEcho.own.cleaned(host)) is forgotten.")
        }
    }
}
