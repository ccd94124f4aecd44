import ArgumentParser
import StandardStreams
import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging

struct HostDiscover: DirectoryCommand {
    static let configuration = CommandConfiguration(
        commandName: "discover",
        abstract: "Maps the hosts that have registered themselves in the cells' databases and are in no cell yet.",
        discussion: """
            Looks in the database of one cell, or of all but cell0, for compute nodes that are not noted as mapped; maps their \
            hosts, and notes it there. A host that is in a cell already stays in it. Cells are worked on several at a time; one \
            whose database cannot be used is named on standard error, and the others are done all the same. Two runs at a time \
            do no harm.

            Exit codes: 1 with --strict: no host was mapped; 255 there is no such cell, or the directory or a cell's database \
            cannot be used.
            nova-manage: cell_v2 discover_hosts.
            """)
    static let writes = true
    static let exitCodes: [CellError.Code: Int32] = [.unknownCell: 255, .ambiguousName: 255]

    @Option(help: "Only this cell: its UUID or name. Default: all cells.")
    var cell: String?
    @Flag(help: "Look for nova-compute services instead of compute nodes, which idle hosts of Ironic don't have.")
    var byService = false
    @Flag(help: "Fail with 1 unless a host is mapped.")
    var strict = false
    @Flag(help: "Name every host that is mapped.")
    var verbose = false
    @Option(help: "Work on so many cells at a time.")
    var parallel = 16
    @OptionGroup var base: BaseOptions
    @OptionGroup var opening: CellDatabaseOptions
    @OptionGroup var directoryOptions: DirectoryOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...1000).contains(parallel) else { throw ValidationError("--parallel is from 1 to 1000.") }
    }

    func perform(on directory: any MutableCellDirectory) async throws {
        let cells: [CellMapping]
        var isIncomplete = false
        if let cell {
            cells = [try await findCell(cell, in: directory)]
        } else {
            let listing = try await directory.cells()
            for defect in listing.defects { complain("warning: \(defect.message)") }
            isIncomplete = !listing.defects.isEmpty
            cells = listing.cells
        }
        let results = await discover(in: cells, directory, try base.urls)
        try report(results)
        for result in results where hasFailed(result) { isIncomplete = true }
        if isIncomplete { throw ExitCode(255) }
        if strict, results.allSatisfy({ ($0.outcome.value?.finding.added ?? 0) == 0 }) { throw ExitCode(1) }
    }

    private struct Found: Sendable {
        var finding: HostDiscovery.Finding
        /// Kept where they are to be named.
        var hosts: [HostDiscovery.Finding.Host]
    }

    private func discover(
        in cells: [CellMapping], _ directory: any MutableCellDirectory, _ urls: BaseURLs
    ) async -> [CellResult<Found>] {
        var configuration = HostDiscovery.Configuration()
        configuration.source = byService ? .services : .computeNodes
        configuration.maximumParallelism = parallel
        // A database that says itself that it's late says more.
        configuration.pageTimeout = opening.timeout + .seconds(2)
        let (opening, isVerbose) = (opening, verbose)
        let discovery = HostDiscovery(into: directory, configuration: configuration) { cell throws(CellError) in
            try opening.open(cell, base: urls, forWriting: true)
        }
        let state = Locked(Progress())
        let results = await discovery.run(in: cells) { cell, checked, hosts in
            state.withLock { state in
                state.checked += checked
                state.cells.insert(cell.id)
                if isVerbose { state.hosts[cell.id, default: []] += hosts }
                state.bar.update(done: 0, text: "\(state.cells.count) of \(cells.count) cells, \(state.checked) hosts")
            }
        }
        let hosts = state.withLock { state in
            state.bar.finish()
            return state.hosts
        }
        return results.map { result in
            CellResult(
                cell: result.cell,
                outcome: result.outcome.map { Found(finding: $0, hosts: hosts[result.cell.id] ?? []) },
                duration: result.duration)
        }
    }

    private struct Progress {
        var bar = ProgressBar(total: nil)
        var checked = 0
        var cells: Set<CellID> = []
        var hosts: [CellID: [HostDiscovery.Finding.Host]] = [:]
    }

    // MARK: - Results

    private func report(_ results: [CellResult<Found>]) throws {
        let added = results.reduce(0) { $0 + ($1.outcome.value?.finding.added ?? 0) }
        if output.json {
            return try StandardOutput.json([
                "cells": .array(results.map { .object(json($0)) }), "added": JSONValue(added),
            ])
        }
        if cell == nil { try StandardOutput.line("Found \(results.count) \(results.count == 1 ? "cell" : "cells").") }
        let noun = byService ? "services" : "unmapped compute nodes"
        for result in results {
            switch result.outcome {
            case .skipped(.cell0): try StandardOutput.line("Cell0 has no hosts; it is skipped.")
            case .answered(let found):
                for host in found.hosts {
                    let node = host.nodeUUID.map { " (compute node \($0))" } ?? ""
                    try StandardOutput.line("Mapped the host \(host.name.printable)\(node.printable).")
                }
                try StandardOutput.line(
                    "Cell \("\(result.cell.identity)".printable): \(found.finding.checked) \(noun), \(found.finding.added) "
                        + "\(found.finding.added == 1 ? "host" : "hosts") mapped.")
            case .failed, .didNotRespond, .skipped:
                try StandardOutput.line("Cell \("\(result.cell.identity)".printable): not done.")
            }
        }
    }

    private func json(_ result: CellResult<Found>) -> JSONObject {
        var report = JSONObject()
        report["cell"] = .string(result.cell.id.description)
        report["cell_name"] = JSONValue(result.cell.name)
        report["outcome"] = .string(result.outcome.name)
        report["checked"] = result.outcome.value.map { JSONValue($0.finding.checked) } ?? .null
        report["added"] = result.outcome.value.map { JSONValue($0.finding.added) } ?? .null
        report["elsewhere"] = result.outcome.value.map { JSONValue($0.finding.elsewhere.count) } ?? .null
        if verbose {
            report["hosts"] = .array((result.outcome.value?.hosts ?? []).map { .string($0.name) })
        }
        return report
    }

    /// Says what is wrong in a cell; returns whether the cell could not be done.
    private func hasFailed(_ result: CellResult<Found>) -> Bool {
        switch result.outcome {
        case .answered(let found):
            let shown = 10
            for host in found.finding.elsewhere.prefix(shown) {
                let other = host.cell.map { "the cell \($0)" } ?? "a cell that is gone"
                complain("warning: The host \(host.host) of the cell \(result.cell.identity) is mapped to \(other).")
            }
            let rest = found.finding.elsewhere.count - shown
            if rest > 0 { complain("warning: So are \(rest) more hosts of the cell \(result.cell.identity).") }
            return false
        case .skipped(.cell0), .skipped(.disabled): return false
        case .failed(let error as CellError): complain(error.message)
        case .failed(let error): complain("The cell \(result.cell.identity) could not be done: \(error)")
        case .didNotRespond, .skipped:
            complain("The database of the cell \(result.cell.identity) did not answer in time.")
        }
        return true
    }
}

extension CellOutcome {
    fileprivate func map<Other: Sendable>(_ transform: (Value) -> Other) -> CellOutcome<Other> {
        switch self {
        case .answered(let value): .answered(transform(value))
        case .failed(let error): .failed(error)
        case .didNotRespond(let duration): .didNotRespond(after: duration)
        case .skipped(.cell0): .skipped(.cell0)
        case .skipped(.disabled): .skipped(.disabled)
        case .skipped(.noTimeLeft): .skipped(.noTimeLeft)
        case .skipped(.stuck): .skipped(.stuck)
        }
    }
}
