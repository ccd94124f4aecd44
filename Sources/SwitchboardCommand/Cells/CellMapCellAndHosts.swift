import ArgumentParser
import StandardStreams
import SwitchboardCells
import SwitchboardMessaging

struct CellMapCellAndHosts: DirectoryCommand {
    static let configuration = CommandConfiguration(
        commandName: "map-cell-and-hosts",
        abstract: "Makes a cell of the hosts that a database has, and maps them to it.",
        discussion: """
            Where some of the hosts are in a cell already, the others are mapped to that one; where a cell has the same \
            database, to that one.

            Exit codes: 0 done, or there was nothing to do; 1 a URL cannot be used; 255 the directory or the database cannot \
            be used.
            nova-manage: cell_v2 map_cell_and_hosts.
            """)
    static let writes = true

    @Option(help: "What people call the cell. Need not be unique.")
    var name: String?
    @OptionGroup var urls: CellURLOptions
    @Flag(help: "Name the hosts that are mapped, before and now.")
    var verbose = false
    @OptionGroup var base: BaseOptions
    @OptionGroup var opening: CellDatabaseOptions
    @OptionGroup var directoryOptions: DirectoryOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if let odd = name?.firstOddScalar { throw ValidationError("The --name contains \(odd).") }
    }

    func perform(on directory: any MutableCellDirectory) async throws {
        let (queue, database) = try urls.both()
        let making = CellWithHosts(
            name: name.flatMap { $0.isEmpty ? nil : $0 }, transportURL: queue, databaseConnection: database,
            base: try base.urls, opening: opening)
        let outcome = try await making.run(in: directory, verbose: verbose)
        if output.json { return try StandardOutput.json(.object(outcome.report)) }
        if verbose, case .mapped(_, _, let hosts) = outcome {
            for host in hosts { try StandardOutput.line("Mapped the host \(host.printable).") }
        }
        try StandardOutput.line(outcome.summary)
    }
}

extension CellWithHosts.Outcome {
    var cell: CellMapping? {
        switch self {
        case .noHosts: nil
        case .allMapped(let cell), .mapped(let cell, _, _): cell
        }
    }

    var report: JSONObject {
        var report = JSONObject()
        report["cell"] = JSONValue(cell?.id.description)
        if case .mapped(_, let isNew, let hosts) = self {
            report["created"] = .bool(isNew)
            report["hosts_added"] = JSONValue(hosts.count)
        } else {
            report["created"] = false
            report["hosts_added"] = 0
        }
        return report
    }

    var summary: String {
        switch self {
        case .noHosts: return "The database has no compute nodes; there is nothing to map."
        case .allMapped(let cell): return "All hosts are mapped already, the last one to the cell \(cell.identity)."
        case .mapped(let cell, let isNew, let hosts):
            let what = isNew ? "The cell \(cell.identity) is made" : "The cell \(cell.identity) was there"
            return "\(what), and \(hosts.count) \(hosts.count == 1 ? "host" : "hosts") mapped to it."
        }
    }
}

extension CellURLOptions {
    /// Both URLs, for commands that need them.
    func both() throws -> (queue: URLTemplate, database: URLTemplate) {
        guard let queue = try transportTemplate() else {
            throw Failure("Give the cell's message queue: --transport-url URL.", exit: 1)
        }
        guard let database = try databaseTemplate() else {
            throw Failure("Give the cell's database: --database-connection URL.", exit: 1)
        }
        return (queue, database)
    }
}
