import ArgumentParser
import StandardStreams
import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging

/// Maps a cell's instances as its own database has them.
struct CellInstances: ParsableArguments {
    @Flag(help: "Map the instances that the --cell's own database has and that have no mapping.")
    var fromCellDatabase = false
    @Option(
        help: ArgumentHelp(
            "With --from-cell-database: look at no more than so many, and end with 1 for the next run to go on.",
            valueName: "count"))
    var maxCount: String?
    @Flag(help: "With --from-cell-database: begin with the first instance, not where the last run stopped.")
    var reset = false
    @OptionGroup var opening: CellDatabaseOptions

    func validate() throws {
        if !fromCellDatabase, maxCount != nil || reset {
            throw ValidationError("--max-count and --reset go with --from-cell-database.")
        }
    }

    /// Nova's code for a count that is none.
    private func maximum() throws -> Int? {
        guard let maxCount else { return nil }
        guard let count = Int(maxCount), count > 0 else {
            throw Failure("The --max-count is a number from 1 on, not \"\(maxCount)\".", exit: 127)
        }
        return count
    }

    func map(cell text: String, in directory: any MutableCellDirectory, base: BaseURLs, asJSON: Bool) async throws {
        let maximum = try maximum()
        let outcome = try await reachingCellDatabase(advice: "Run it again when this is mended.") {
            let cell = try await findCell(text, in: directory)
            return try await Self.map(
                cell, in: directory, from: opening.open(cell, base: base), maximum: maximum, resumes: !reset)
        }
        if asJSON {
            try StandardOutput.json(.object(outcome.report))
        } else {
            try StandardOutput.line(outcome.summary)
        }
        if outcome.unusable > 0 {
            complain("warning: \(outcome.unusable) instances without a UUID or a project were left out.")
        }
        if outcome.elsewhere > 0 {
            complain("warning: \(outcome.elsewhere) instances of this cell are mapped to other cells, and stay there.")
        }
        if !outcome.isComplete { throw ExitCode(1) }
    }

    /// Maps the instances, and draws how far that is.
    static func map(
        _ cell: CellMapping, in directory: any MutableCellDirectory, from database: any CellDatabase,
        maximum: Int? = nil, resumes: Bool = true
    ) async throws -> InstanceDiscovery.Outcome {
        let count = try await database.instanceCount(onHost: nil, includesDeleted: true)
        let bar = Locked(ProgressBar(total: min(maximum ?? count, count)))
        defer { bar.withLock { $0.finish() } }
        let discovery = InstanceDiscovery(into: directory, of: cell, from: database)
        return try await discovery.run(maximum: maximum, resumes: resumes) { outcome in
            bar.withLock { $0.update(done: outcome.seen, text: "\(outcome.seen) instances") }
        }
    }
}

extension InstanceDiscovery.Outcome {
    fileprivate var report: JSONObject {
        var report = JSONObject()
        report["seen"] = JSONValue(seen)
        report["added"] = JSONValue(added)
        report["unchanged"] = JSONValue(unchanged)
        report["elsewhere"] = JSONValue(elsewhere)
        report["unusable"] = JSONValue(unusable)
        report["resumed_after"] = JSONValue(resumedAfter)
        report["complete"] = .bool(isComplete)
        return report
    }

    var summary: String {
        let end = isComplete ? "" : " There may be more: run it again."
        return "Instances mapped: \(added) new, \(unchanged) as before.\(end)"
    }
}
