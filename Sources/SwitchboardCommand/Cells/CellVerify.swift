import ArgumentParser
import StandardStreams
import SwitchboardCells
import SwitchboardMessaging

struct CellVerify: DirectoryCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Checks one cell or all, without connecting to anything.",
        discussion: """
            Checks that URLs can be used, that cell0 is there and has no queue, that there is a cell beside it, and that no \
            mapping refers to a cell that is gone.

            Exit codes: 0 all is well; 1 there are warnings; 2 there are errors; 3 there is no such cell.
            nova-manage: nova-status upgrade check, "Cells v2".
            """)
    static let writes = false
    static let exitCodes: [CellError.Code: Int32] = [.unknownCell: 3, .ambiguousName: 3]

    @Argument(help: "The cell: its UUID or name. Default: all cells, and the directory.")
    var cell: String?
    @OptionGroup var base: BaseOptions
    @OptionGroup var directoryOptions: DirectoryOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    func perform(on directory: any MutableCellDirectory) async throws {
        var errors: [String] = []
        var warnings: [String] = []
        let cells: [CellMapping]
        if let cell {
            cells = [try await findCell(cell, in: directory)]
        } else {
            let listing = try await directory.cells()
            cells = listing.cells
            errors += listing.defects.map(\.message)
            let problems = try await checkDirectory(directory, cells)
            errors += problems.errors
            warnings += problems.warnings
        }
        for cell in cells {
            let check = URLCheck(cell, base: try base.urls)
            errors += check.errors
            warnings += check.warnings
        }
        try report(errors: errors, warnings: warnings, count: cells.count)
        if !errors.isEmpty { throw ExitCode(2) }
        if !warnings.isEmpty { throw ExitCode(1) }
    }

    private func checkDirectory(
        _ directory: any MutableCellDirectory, _ cells: [CellMapping]
    ) async throws -> (errors: [String], warnings: [String]) {
        var errors: [String] = []
        var warnings: [String] = []
        if let cell0 = cells.first(where: \.isCell0) {
            if let queue = try? cell0.queue(base: base.urls), queue != .none {
                warnings.append("Cell0 has a message queue; its URL should be none:///.")
            }
        } else {
            errors.append("There is no cell0. 'switchboard cell map-cell0' adds it.")
        }
        if cells.allSatisfy(\.isCell0) {
            errors.append("There is no cell beside cell0. 'switchboard cell create' adds one.")
        }
        var lostHosts = 0
        for try await host in directory.hostMappings() where host.cell == nil { lostHosts += 1 }
        if lostHosts > 0 { errors.append("\(lostHosts) hosts are mapped to cells that are gone; map them again.") }
        var lostInstances = 0
        for try await instance in directory.instanceMappings() {
            if case .missingCell = instance.placement { lostInstances += 1 }
        }
        if lostInstances > 0 {
            errors.append("\(lostInstances) instances are mapped to cells that are gone; map them again.")
        }
        return (errors, warnings)
    }

    private func report(errors: [String], warnings: [String], count: Int) throws {
        if output.json {
            return try StandardOutput.json([
                "cells": JSONValue(count), "errors": .array(errors.map { .string($0) }),
                "warnings": .array(warnings.map { .string($0) }),
            ])
        }
        for error in errors { try StandardOutput.line("error: \(error)") }
        for warning in warnings { try StandardOutput.line("warning: \(warning)") }
        if errors.isEmpty, warnings.isEmpty {
            try StandardOutput.line("\(count) \(count == 1 ? "cell" : "cells"): all is well.")
        }
    }
}
