import ArgumentParser
import StandardStreams
import SwitchboardCells
import SwitchboardMessaging

struct CellCreate: DirectoryCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Adds a cell and prints its UUID.",
        discussion: """
            The URL is checked before it is stored: its syntax, its variables, its options. Nothing is connected to.

            Exit codes: 1 a URL or name cannot be used; 2 another cell has the URL or the UUID.
            nova-manage: cell_v2 create_cell.
            """)
    static let writes = true
    static let exitCodes: [CellError.Code: Int32] = [.alreadyExists: 2]

    @Option(help: "What people call the cell. Need not be unique.")
    var name: String?
    @OptionGroup var urls: CellURLOptions
    @Option(help: "The cell's UUID. Default: a new one.")
    var uuid: String?
    @Flag(help: "Add the cell disabled.")
    var disabled = false
    @Flag(help: "Accept a URL that another cell has.")
    var allowShared = false
    @OptionGroup var base: BaseOptions
    @OptionGroup var directoryOptions: DirectoryOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var secrets: SecretOptions

    func validate() throws {
        if urls.transportURL == nil, !urls.fromConfiguration {
            throw ValidationError("Give the cell's message queue: --transport-url URL (none:/// if it has none).")
        }
        if let odd = name?.firstOddScalar { throw ValidationError("The --name contains \(odd).") }
        if let uuid, CellID(uuid) == nil { throw ValidationError("The --uuid '\(uuid)' is no UUID.") }
    }

    func perform(on directory: any MutableCellDirectory) async throws {
        guard let transportURL = try urls.transportTemplate() else {
            throw Failure("The configuration files have no transport_url: give --transport-url.", exit: 1)
        }
        let draft = CellMapping(
            id: uuid.flatMap { CellID($0) } ?? .random(),
            name: name.flatMap { $0.isEmpty ? nil : $0 },
            transportURL: transportURL,
            databaseConnection: try urls.databaseTemplate(),
            isDisabled: disabled)
        try checkURLs(of: draft, base: base.urls, exit: 1, isNew: true)
        if !allowShared {
            try await refuseSharedURLs(of: draft, among: directory.cells().cells, base: base.urls, exit: 2)
        }
        let cell = try await directory.createCell(draft)
        if output.json {
            try StandardOutput.json(.object(cell.report(secrets)))
        } else {
            try StandardOutput.line(cell.id.description)
        }
    }
}
