import ArgumentParser
import StandardStreams
import SwitchboardCells
import SwitchboardMessaging

struct CellSimpleSetup: DirectoryCommand {
    static let configuration = CommandConfiguration(
        commandName: "simple-setup",
        abstract:
            "Makes cells of a cloud that has one database and one queue: cell0, and a cell with all that is there.",
        discussion: """
            Maps cell0, makes a cell of the database and the queue, and maps its hosts and instances. What is done already is \
            left as it is, so that it can be run again.

            Nova's tables in cell0's database are made by 'nova-manage db sync', and not here.

            Exit codes: 1 the database has no hosts, or a URL cannot be used; 255 the directory or the database cannot be used.
            nova-manage: cell_v2 simple_cell_setup.
            """)
    static let writes = true

    @OptionGroup var urls: CellURLOptions
    @Option(
        help: ArgumentHelp(
            "The URL of cell0's database. Default: the cell's, with _cell0 behind the database's name.",
            valueName: "url"))
    var cell0DatabaseConnection: String?
    @OptionGroup var base: BaseOptions
    @OptionGroup var opening: CellDatabaseOptions
    @OptionGroup var directoryOptions: DirectoryOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    func perform(on directory: any MutableCellDirectory) async throws {
        let (queue, database) = try urls.both()
        let making = CellWithHosts(
            name: nil, transportURL: queue, databaseConnection: database, base: try base.urls, opening: opening)
        try making.draft()
        let isNew = try await mapCell0(in: directory, databaseConnection: cell0Database(beside: database))
        try await checkCell0(of: directory)
        let outcome = try await making.run(in: directory)
        let instances = try await mapInstances(of: outcome.cell, in: directory)
        try report(outcome, instances, cell0IsNew: isNew)
        if outcome.cell == nil { throw ExitCode(1) }
    }

    private func mapInstances(
        of cell: CellMapping?, in directory: any MutableCellDirectory
    ) async throws -> InstanceDiscovery.Outcome? {
        guard let cell else { return nil }
        return try await reachingCellDatabase(advice: "Run it again when this is mended.") {
            try await CellInstances.map(cell, in: directory, from: opening.open(cell, base: base.urls))
        }
    }

    private func report(
        _ outcome: CellWithHosts.Outcome, _ instances: InstanceDiscovery.Outcome?, cell0IsNew: Bool
    ) throws {
        if output.json {
            var report = outcome.report
            report["cell0_mapped"] = .bool(cell0IsNew)
            report["instances_added"] = JSONValue(instances?.added ?? 0)
            return try StandardOutput.json(.object(report))
        }
        try StandardOutput.line(cell0IsNew ? "Cell0 is set up." : "Cell0 is already set up.")
        try StandardOutput.line(outcome.summary)
        if let instances { try StandardOutput.line(instances.summary) }
    }

    private func cell0Database(beside database: URLTemplate) throws -> URLTemplate {
        try givenTemplate(cell0DatabaseConnection) ?? database.ofCell0
    }

    /// Nova puts into cell0 what no cell could take, and fails where its tables are missing.
    private func checkCell0(of directory: any MutableCellDirectory) async throws {
        let cell0 = try await directory.cell(.cell0)
        let base = try base.urls
        do throws(CellError) {
            let database = try opening.open(cell0, base: base)
            _ = try await database.instanceCount()
        } catch {
            complain("warning: \(error.message) 'nova-manage db sync' makes Nova's tables in it.")
        }
    }
}

extension URLTemplate {
    /// The URL with `_cell0` behind the database's name, as Nova names cell0's database.
    fileprivate var ofCell0: URLTemplate {
        let text = reveal()
        // A password may have a question mark in it, and no path has an at sign.
        let start = text.lastIndex(of: "@") ?? text.startIndex
        let end = text[start...].firstIndex { $0 == "?" || $0 == "#" } ?? text.endIndex
        return URLTemplate(text[..<end] + "_cell0" + text[end...])
    }
}
