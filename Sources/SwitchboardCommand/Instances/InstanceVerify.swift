import ArgumentParser
import StandardStreams
import SwitchboardCells
import SwitchboardMessaging

struct InstanceVerify: DirectoryCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Says whether an instance is mapped to a cell, and lives there.",
        discussion: """
            Asks the cell's database what became of the instance. A cell without a database connection is not asked: its \
            mappings say what Nova has deleted, and never code 4.

            Exit codes: 0 it is in a cell; 1 it is not mapped, or does not exist; 2 it is mapped to no cell yet; 3 it is \
            deleted in its cell and waits to be archived; 4 it is archived, and its mapping remains; 255 the directory or the \
            cell's database cannot be used.
            nova-manage: cell_v2 verify_instance.
            """)
    static let writes = false
    static let exitCodes: [CellError.Code: Int32] = [.notScheduled: 2]

    @Argument(help: "The instance's UUID.")
    var instance: String
    @Flag(name: .shortAndLong, help: "Print nothing; the exit code tells.")
    var quiet = false
    @OptionGroup var base: BaseOptions
    @OptionGroup var checks: CellDatabaseChecks
    @OptionGroup var directoryOptions: DirectoryOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    /// What became of an instance; the raw values are the exit codes.
    private enum Fate: Int32 {
        case alive = 0
        case deleted = 3
        case archived = 4

        var name: String {
            switch self {
            case .alive: "alive"
            case .deleted: "deleted"
            case .archived: "archived"
            }
        }
    }

    func perform(on directory: any MutableCellDirectory) async throws {
        do {
            let location = try await directory.location(ofInstance: instance)
            let cell = try location.requireCell()
            let fate = try await fate(of: location.mapping, in: cell)
            if !quiet { try report(location.mapping, in: cell, fate) }
            if fate != .alive { throw ExitCode(fate.rawValue) }
        } catch let error as CellError where quiet && [.unknownInstance, .notScheduled].contains(error.code) {
            throw ExitCode(error.code == .notScheduled ? 2 : 1)
        }
    }

    private func fate(of mapping: InstanceMapping, in cell: CellMapping) async throws -> Fate {
        guard let database = try checks.open(cell, base: base.urls, forWriting: false) else {
            return mapping.isQueuedForDelete ? .deleted : .alive
        }
        let advice = "The instance is mapped to that cell; whether it lives isn't known. \(CellDatabaseChecks.advice)"
        return try await reachingCellDatabase(advice: advice) {
            guard let found = try await database.instance(mapping.instanceUUID) else { return .archived }
            return found.isDeleted ? .deleted : .alive
        }
    }

    private func report(_ mapping: InstanceMapping, in cell: CellMapping, _ fate: Fate) throws {
        if output.json {
            var report = mapping.report
            report["fate"] = .string(fate.name)
            return try StandardOutput.json(.object(report))
        }
        let uuid = mapping.instanceUUID
        switch fate {
        case .alive: try StandardOutput.line("The instance \(uuid) is in the cell \(cell.identity).")
        case .deleted:
            try StandardOutput.line(
                "The instance \(uuid) is deleted in the cell \(cell.identity) and waits to be archived "
                    + "('nova-manage db archive_deleted_rows').")
        case .archived:
            try StandardOutput.line(
                "The instance \(uuid) is archived in the cell \(cell.identity), and its mapping remains "
                    + "('switchboard instance unmap' removes it).")
        }
    }
}
