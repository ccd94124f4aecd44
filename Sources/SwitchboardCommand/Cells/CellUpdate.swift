import ArgumentParser
import StandardStreams
import SwitchboardCells
import SwitchboardMessaging

struct CellUpdate: DirectoryCommand {
    static let configuration = CommandConfiguration(
        commandName: "update",
        abstract: "Changes a cell; what is not given stays as it is.",
        discussion: """
            Programs that use the directory follow within a second: new messages take the new URL, the old connection is \
            drained.

            Exit codes: 1 there is no such cell; 2 a value cannot be used; 3 another cell has the URL; 4 both --enable and \
            --disable; 5 cell0 cannot be disabled.
            nova-manage: cell_v2 update_cell (which overwrites URLs that are not given).
            """)
    static let writes = true
    static let exitCodes: [CellError.Code: Int32] = [.badURL: 2, .invalidValue: 2]

    @OptionGroup var cell: CellArgument
    @Option(help: "The new name; an empty one takes it away.")
    var name: String?
    @OptionGroup var urls: CellURLOptions
    @Flag(help: "Put the cell into use again.")
    var enable = false
    @Flag(help: "Take the cell out of use.")
    var disable = false
    @Flag(help: "Accept a URL that another cell has.")
    var allowShared = false
    @OptionGroup var base: BaseOptions
    @OptionGroup var directoryOptions: DirectoryOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var secrets: SecretOptions

    func validate() throws {
        if let odd = name?.firstOddScalar { throw ValidationError("The --name contains \(odd).") }
        if name == nil, !urls.isGiven, !enable, !disable {
            throw ValidationError(
                "Say what to change: --name, --transport-url, --database-connection, --from-config, --enable or --disable."
            )
        }
    }

    func perform(on directory: any MutableCellDirectory) async throws {
        if enable, disable { throw Failure("A cell cannot be enabled and disabled at the same time.", exit: 4) }
        let old = try await cell.find(in: directory)
        if disable, old.isCell0 { throw Failure("Cell0 cannot be disabled.", exit: 5) }
        let change = CellChange(
            name: name, transportURL: try urls.transportTemplate(), databaseConnection: try urls.databaseTemplate(),
            isDisabled: disable ? true : enable ? false : nil)
        let new = change.applied(to: old)
        if new.transportURL != old.transportURL || new.databaseConnection != old.databaseConnection {
            try checkURLs(of: new, base: base.urls, exit: 2)
            if !allowShared {
                try await refuseSharedURLs(
                    of: new, among: directory.cells().cells, base: base.urls, exit: 3, onlyChanged: old)
            }
        }
        let stored = try await directory.updateCell(old.id, change)
        if output.json {
            try StandardOutput.json(.object(stored.report(secrets)))
        } else if stored == old {
            try StandardOutput.line("The cell \(stored.identity) was so before; nothing changed.")
        } else {
            try StandardOutput.line("The cell \(stored.identity) is changed.")
        }
    }
}
