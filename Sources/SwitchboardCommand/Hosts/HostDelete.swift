import ArgumentParser
import StandardStreams
import SwitchboardCells
import SwitchboardMessaging

struct HostDelete: DirectoryCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Forgets a host that has no instances.",
        discussion: """
            Asks the database of the host's cell whether there are instances on the host, and notes in it that the host's \
            compute nodes can be discovered again. A cell without a database connection is not asked.

            Exit codes: 1 there is no such cell; 2 there is no such host; 3 the host is in another cell; 4 there are instances \
            on the host; 255 the directory or the cell's database cannot be used.
            nova-manage: cell_v2 delete_host.
            """)
    static let writes = true
    static let exitCodes: [CellError.Code: Int32] = [.unknownHost: 2]

    @Argument(help: "The host's name.")
    var host: String
    @Option(help: "The cell in which it must be: its UUID or name. Default: whichever it is in.")
    var cell: String?
    @OptionGroup var base: BaseOptions
    @OptionGroup var checks: CellDatabaseChecks
    @OptionGroup var directoryOptions: DirectoryOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    func perform(on directory: any MutableCellDirectory) async throws {
        if let cell = try await cellOfHost(in: directory) { try await release(from: cell) }
        try await directory.deleteHost(host)
        if output.json {
            try StandardOutput.json(["deleted": .string(host)])
        } else {
            try StandardOutput.line("The host \(ArgumentEcho.own.cleaned(host)) is forgotten.")
        }
    }

    /// Makes the host one that can be discovered again; throws where it has instances.
    private func release(from cell: CellMapping) async throws {
        guard let database = try checks.open(cell, base: base.urls, forWriting: true) else { return }
        try await reachingCellDatabase {
            let count = try await database.instanceCount(onHost: host)
            if count > 0 {
                throw Failure("There are instances on the host \(host) (\(count)). Move or delete them first.", exit: 4)
            }
            try await database.unmapComputeNodes(ofHost: host)
        }
    }

    /// `nil` where the cell of the host's mapping is gone, and its database with it.
    private func cellOfHost(in directory: any MutableCellDirectory) async throws -> CellMapping? {
        guard let cell else { return try await anyCellOfHost(in: directory) }
        let expected = try await findCell(cell, in: directory)
        let location = try await directory.location(ofHost: host)
        if location.cell.id != expected.id {
            throw Failure(
                "The host \(host) is not in the cell \(expected.identity), but in \(location.cell.identity).", exit: 3)
        }
        return location.cell
    }

    private func anyCellOfHost(in directory: any MutableCellDirectory) async throws -> CellMapping? {
        do {
            return try await directory.location(ofHost: host).cell
        } catch {
            if error.code == .unknownCell { return nil }
            throw error
        }
    }
}
