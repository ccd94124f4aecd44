import ArgumentParser
import StandardStreams
import SwitchboardCells
import SwitchboardMessaging

struct HostMap: DirectoryCommand {
    static let configuration = CommandConfiguration(
        commandName: "map",
        abstract: "Maps hosts to a cell; one that is in another cell is moved.",
        discussion: """
            Exit codes: 1 there is no such cell, or a name cannot be used.
            nova-manage: cell_v2 discover_hosts and map_cell_and_hosts (which find the hosts in the cell's database; here \
            they are named).
            """)
    static let writes = true

    @Argument(help: "The hosts' names.")
    var hosts: [String] = []
    @Option(help: "The cell: its UUID or name.")
    var cell: String
    @Flag(name: .customLong("from-stdin"), help: "Read more names from standard input, one a line.")
    var fromStandardInput = false
    @OptionGroup var directoryOptions: DirectoryOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if hosts.isEmpty, !fromStandardInput { throw ValidationError("Name a host, or give --from-stdin.") }
    }

    func perform(on directory: any MutableCellDirectory) async throws {
        for host in hosts { try checkHostName(host) }
        let cell = try await findCell(cell, in: directory)
        var result = hosts.isEmpty ? MappingResult() : try await directory.mapHosts(hosts, to: cell.id)
        if fromStandardInput {
            let reader = LineReader.standardInput
            while case let lines = try reader.next(5000), !lines.isEmpty {
                let names = try lines.filter { !$0.text.isEmpty && !$0.text.hasPrefix("#") }.map { line in
                    try checkHostName(line.text, at: "Line \(line.number) of standard input: ")
                    return line.text
                }
                result = result + (try await directory.mapHosts(names, to: cell.id))
            }
        }
        if output.json {
            var report = result.report
            report["cell"] = .string(cell.id.description)
            try StandardOutput.json(.object(report))
        } else {
            try StandardOutput.line("Hosts mapped to the cell \(cell.identity): \(result.summary).")
        }
    }
}
