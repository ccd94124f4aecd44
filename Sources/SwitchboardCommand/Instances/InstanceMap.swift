import ArgumentParser
import StandardStreams
import SwitchboardCells
import SwitchboardMessaging

struct InstanceMap: DirectoryCommand {
    static let configuration = CommandConfiguration(
        commandName: "map",
        abstract: "Maps instances to cells; one that is in another cell is moved.",
        discussion: """
            Instances are named as arguments, or one a line in a file:

              # instance                            cell   project  user
              3f0c8a4e-5f3d-4a43-9d5b-0a4b1f0e7c11  one    p1       u1
              7d7a0a52-4f0e-4f83-8a38-7d0d0f7f2f52  two    p2

            with blanks or commas between; '-' or nothing takes the value of --cell, --project or --user. An instance that \
            is mapped already keeps its project and user where none is given. The cell 'none' means: not scheduled yet.

            A file is mapped in transactions of 5000 lines. A line that cannot be used stops it: the lines before its \
            transaction stay mapped, and doing it again does no harm.

            With --from-cell-database the cell's own database names them: all that have no mapping, deleted ones that wait to \
            be archived included, in batches. What a run has done is noted with every batch, as nova-manage notes it, so that \
            either program goes on where the other stopped; a note that another cell's run has left stays for that one.

            Exit codes: 1 an instance, cell or line cannot be used. With --from-cell-database: 0 all are mapped; 1 there may be \
            more, run it again; 127 the --max-count is no number from 1 on; 255 there is no such cell, or the directory or the \
            cell's database cannot be used.
            nova-manage: cell_v2 map_instances.
            """)
    static let writes = true

    @Argument(help: "The instances' UUIDs.")
    var instances: [String] = []
    @Option(help: "The cell: its UUID or name, or 'none'.")
    var cell: String?
    @Option(help: "The project that the instances belong to.")
    var project: String?
    @Option(help: "The user that the instances belong to.")
    var user: String?
    @Option(help: "Map the lines of this file.")
    var file: String?
    @Flag(name: .customLong("from-stdin"), help: "Map the lines of standard input.")
    var fromStandardInput = false
    @OptionGroup var cellInstances: CellInstances
    @OptionGroup var base: BaseOptions
    @OptionGroup var directoryOptions: DirectoryOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    private static let batchSize = 5000

    func validate() throws {
        let sources = [!instances.isEmpty, file != nil, fromStandardInput, cellInstances.fromCellDatabase].count { $0 }
        guard sources == 1 else {
            throw ValidationError(
                "Give instances, or --file, or --from-stdin, or --from-cell-database, and only one of them.")
        }
        if !instances.isEmpty || cellInstances.fromCellDatabase, cell == nil {
            throw ValidationError("Say where the instances are: --cell CELL.")
        }
        if cellInstances.fromCellDatabase, project != nil || user != nil {
            throw ValidationError("With --from-cell-database the cell's database says the --project and --user.")
        }
        for (option, value) in [("--project", project), ("--user", user)] {
            if let odd = value?.firstOddScalar { throw ValidationError("The \(option) contains \(odd).") }
        }
    }

    func perform(on directory: any MutableCellDirectory) async throws {
        if cellInstances.fromCellDatabase, let cell {
            return try await cellInstances.map(cell: cell, in: directory, base: base.urls, asJSON: output.json)
        }
        var resolver = Resolver(directory: directory, cell: cell, project: project, user: user)
        var total = MappingResult()
        if !instances.isEmpty {
            var mappings: [InstanceMapping] = []
            for instance in instances { mappings.append(try await resolver.mapping([Substring(instance)])) }
            total = try await directory.mapInstances(mappings)
        } else {
            let reader = try file.map { try LineReader(path: $0) } ?? LineReader.standardInput
            var progress = ProgressBar(total: reader.totalBytes)
            defer { progress.finish() }
            while case let lines = try reader.next(Self.batchSize), !lines.isEmpty {
                do {
                    var mappings: [InstanceMapping] = []
                    for line in lines { try await resolver.add(line, of: reader.name, to: &mappings) }
                    total = total + (try await directory.mapInstances(mappings))
                } catch {
                    progress.finish()
                    let done = total.added + total.changed + total.unchanged
                    complain("\(done) instances were mapped before this happened; mapping them again does no harm.")
                    throw error
                }
                let done = total.added + total.changed + total.unchanged
                progress.update(done: reader.bytesRead, text: "\(done) instances")
            }
        }
        if output.json {
            try StandardOutput.json(.object(total.report))
        } else {
            try StandardOutput.line("Instances mapped: \(total.summary).")
        }
    }
}

/// Makes mappings from the words of a line, with the values that the options give.
private struct Resolver {
    let directory: any MutableCellDirectory
    let cell: String?
    let project: String?
    let user: String?
    private var cells: [String: CellID?] = [:]

    init(directory: any MutableCellDirectory, cell: String?, project: String?, user: String?) {
        self.directory = directory
        self.cell = cell
        self.project = project
        self.user = user
    }

    mutating func add(
        _ line: LineReader.Line, of name: String, to mappings: inout [InstanceMapping]
    ) async throws {
        let words = line.text.split { $0 == "," || $0 == " " || $0 == "\t" }
        guard let first = words.first, !first.hasPrefix("#") else { return }
        do {
            if first.hasPrefix("|") || first.hasPrefix("+-") {
                throw Failure(
                    "It looks like a line of a table; give values alone, with blanks or commas between.", exit: 1)
            }
            guard words.count <= 4 else {
                throw CellError(
                    .invalidValue, "It has \(words.count) values; an instance, cell, project and user are 4.")
            }
            mappings.append(try await mapping(words))
        } catch let error as CellError {
            throw Failure("Line \(line.number) of \(name): \(error.message)", exit: 1)
        } catch let error as Failure {
            throw Failure("Line \(line.number) of \(name): \(error.message)", exit: error.exit)
        }
    }

    /// The mapping for: instance [cell [project [user]]].
    mutating func mapping(_ words: [Substring]) async throws -> InstanceMapping {
        func word(_ index: Int) -> String? {
            index < words.count && words[index] != "-" ? String(words[index]) : nil
        }
        guard let uuid = word(0), let cellText = word(1) ?? cell else {
            throw Failure("It names no cell, and there is no --cell.", exit: 1)
        }
        let id = try await cellID(cellText)
        var project = word(2) ?? project
        var user = word(3) ?? user
        var isQueuedForDelete = false
        if let old = try await existing(uuid) {
            project = project ?? old.projectID
            user = user ?? old.userID
            isQueuedForDelete = old.isQueuedForDelete
        }
        guard let project else {
            throw Failure("The instance \(uuid) is new: say which project it belongs to (--project).", exit: 1)
        }
        return InstanceMapping(
            instanceUUID: uuid, cell: id, projectID: project, userID: user, isQueuedForDelete: isQueuedForDelete)
    }

    private func existing(_ uuid: String) async throws -> InstanceMapping? {
        do {
            return try await directory.location(ofInstance: uuid).mapping
        } catch  where [.unknownInstance, .unknownCell, .directoryInvalid].contains(error.code) {
            return nil
        }
    }

    private mutating func cellID(_ text: String) async throws -> CellID? {
        if let known = cells[text] { return known }
        let id: CellID? = text == "none" ? nil : try await findCell(text, in: directory).id
        cells.updateValue(id, forKey: text)
        return id
    }
}
