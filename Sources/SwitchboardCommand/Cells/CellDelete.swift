import ArgumentParser
import StandardStreams
import SwitchboardCells
import SwitchboardMessaging

struct CellDelete: DirectoryCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Deletes a cell that nothing is mapped to.",
        discussion: """
            Where instances are mapped to the cell, its database is asked which of them still live; mappings say so only of \
            what Nova has deleted itself. With --force it is also noted there that the cell's compute nodes can be discovered \
            again. A cell without a database connection is not asked.

            Exit codes: 1 there is no such cell; 2 hosts are mapped to it; 3 it has instances (also with --force); 4 mappings of \
            deleted instances refer to it; 255 the directory or the cell's database cannot be used.
            nova-manage: cell_v2 delete_cell.
            """)
    static let writes = true
    static let exitCodes: [CellError.Code: Int32] = [.hostsMapped: 2, .instancesMapped: 3, .deletedInstancesMapped: 4]

    @OptionGroup var cell: CellArgument
    @Flag(help: "Also unmap its hosts, and the instances that are deleted.")
    var force = false
    @OptionGroup var base: BaseOptions
    @OptionGroup var checks: CellDatabaseChecks
    @OptionGroup var directoryOptions: DirectoryOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    func perform(on directory: any MutableCellDirectory) async throws {
        let cell = try await cell.find(in: directory)
        let usage = try await directory.usage(of: cell.id)
        if usage.hosts > 0, !force {
            throw Failure(
                "Hosts are mapped to the cell \(cell.identity) (\(usage.hosts)). Delete them first, or force it.",
                exit: 2)
        }
        let hasInstances = usage.instances + usage.instancesQueuedForDelete > 0
        if usage.hosts > 0 || hasInstances, let database = try checks.open(cell, base: base.urls, forWriting: true) {
            try await reachingCellDatabase {
                if hasInstances { try await checkInstances(of: cell, in: database, usage) }
                if usage.hosts > 0 { try await database.unmapComputeNodes(ofHost: nil) }
            }
            // Nothing lives in the cell any more, whatever the mappings say.
            if usage.instances > 0 { try await unmapInstances(of: cell, in: directory) }
        }
        try await directory.deleteCell(cell.id, force: force)
        if output.json {
            try StandardOutput.json(["deleted": .string(cell.id.description)])
        } else {
            try StandardOutput.line("The cell \(cell.identity) is deleted.")
        }
    }

    private func checkInstances(of cell: CellMapping, in database: any CellDatabase, _ usage: CellUsage) async throws {
        let living = try await database.instanceCount()
        if living > 0 {
            throw Failure(
                "There are instances in the cell \(cell.identity) (\(living)). Delete or move them first; force does not help.",
                exit: 3)
        }
        if !force {
            throw Failure(
                "Instances are mapped to the cell \(cell.identity) (\(usage.instances + usage.instancesQueuedForDelete)), and "
                    + "all of them are deleted in it. Archive them with 'nova-manage db archive_deleted_rows', which deletes "
                    + "their mappings, or force it.",
                exit: 4)
        }
    }

    private func unmapInstances(of cell: CellMapping, in directory: any MutableCellDirectory) async throws {
        let filter = InstanceFilter(placement: .cell(cell.id), isQueuedForDelete: false)
        var token: PageToken?
        repeat {
            let page = try await directory.instanceMappings(matching: filter, after: token, limit: 1000)
            try await directory.unmapInstances(page.elements.map(\.instanceUUID))
            token = page.next
        } while token != nil
    }
}
