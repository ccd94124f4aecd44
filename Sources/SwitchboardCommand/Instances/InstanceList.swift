import ArgumentParser
import StandardStreams
import SwitchboardCells
import SwitchboardMessaging

struct InstanceList: DirectoryCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists the mappings of instances, while they are read: any number needs the same memory.",
        discussion: "Exit codes: 1 there is no such cell.")
    static let writes = false

    @Option(help: "Only those of this cell: its UUID or name.")
    var cell: String?
    @Option(help: "Only those of this project.")
    var project: String?
    @Flag(help: "Only those that are mapped to no cell yet.")
    var unscheduled = false
    @Option(help: "Print at most so many.")
    var limit: Int?
    @OptionGroup var directoryOptions: DirectoryOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if cell != nil, unscheduled { throw ValidationError("--cell and --unscheduled exclude each other.") }
        if let limit, limit < 1 { throw ValidationError("--limit is at least 1.") }
    }

    func perform(on directory: any MutableCellDirectory) async throws {
        var filter = InstanceFilter(placement: unscheduled ? .notScheduled : nil, projectID: project)
        if let cell { filter.placement = .cell(try await findCell(cell, in: directory).id) }
        var array = output.json ? try JSONArrayPrinter() : nil
        var count = 0
        if !output.json {
            try StandardOutput.line(
                "INSTANCE                              CELL                                  PROJECT")
        }
        for try await mapping in directory.instanceMappings(matching: filter) {
            if let limit, count == limit { break }
            count += 1
            if array != nil {
                try array?.add(mapping.report)
            } else {
                let place =
                    switch mapping.placement {
                    case .cell(let id): id.description
                    case .notScheduled: "(not scheduled)                     "
                    case .missingCell: "(gone)                              "
                    }
                try StandardOutput.line("\(mapping.instanceUUID)  \(place)  \(mapping.projectID)")
            }
        }
        try array?.finish()
    }
}
