import StandardStreams
import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging

/// Asks every cell of a directory for a sign of life.
struct PingSweep {
    let directory: any MutableCellDirectory
    let base: BaseURLs
    let probe: Probe
    let includesDisabled: Bool

    func run(asJSON: Bool) async throws {
        let manager = CellContextManager(
            directory: directory, drivers: .all, base: base, logger: messageLogger())
        // Every context is aimed: this one is never used.
        let own = try MessageQueueConnection(
            TransportURL(scheme: "fake"), drivers: .all, logger: messageLogger())
        var configuration = ScatterConfiguration(
            // The probe's own time ends first, and says more.
            cellTimeout: probe.timeout + .seconds(1), timeout: .seconds(86_400))
        configuration.includesDisabled = includesDisabled
        configuration.maximumParallelism = 256
        let found = try await withRunning(manager) { [probe, configuration] in
            try await manager.scatterGather(RequestContext(), configuration: configuration) { _, context in
                try await probe.run(on: own, context)
            }
        }
        for defect in found.defects { complain("warning: \(defect.message)") }
        if asJSON {
            try StandardOutput.json(.array(found.results.map { .object(Self.report($0)) }))
        } else {
            var table = Table("CELL", "UUID", "OUTCOME", "DETAIL")
            for result in found.results {
                table.add(
                    result.cell.name, result.cell.id.description, Self.word(for: result.outcome),
                    Self.detail(of: result.outcome))
            }
            try table.print()
        }
        if !found.isComplete {
            throw Failure(
                "\(found.missing.count + found.defects.count) of \(found.results.count + found.defects.count) cells did "
                    + "not answer.", exit: MessageExit.timeout)
        }
        if found.answers.isEmpty {
            throw Failure(
                "There is no cell to ask. 'switchboard cell create' adds one.", exit: MessageExit.noCell)
        }
    }

    private static func report(_ result: CellResult<Probe.Answer>) -> JSONObject {
        var report = JSONObject()
        report["uuid"] = .string(result.cell.id.description)
        report["name"] = JSONValue(result.cell.name)
        report["outcome"] = .string(word(for: result.outcome))
        switch result.outcome {
        case .answered(let answer): report["milliseconds"] = .double(answer.time.milliseconds)
        default: report["reason"] = .string(detail(of: result.outcome))
        }
        return report
    }

    private static func word(for outcome: CellOutcome<Probe.Answer>) -> String {
        switch outcome {
        case .answered(let answer): answer.outcome
        case .failed(let error as RPCError) where error.code == .timeout: "no answer"
        case .failed: "failed"
        case .didNotRespond: "no answer"
        case .skipped: "skipped"
        }
    }

    private static func detail(of outcome: CellOutcome<Probe.Answer>) -> String {
        switch outcome {
        case .answered(let answer): answer.time.text
        case .failed(let error as RPCError): error.message
        case .failed(let error as CellError): error.cause.map { "\(error.message) \($0)" } ?? error.message
        case .failed(let error): "\(error)"
        case .didNotRespond(let time): "nothing within \(time.text)"
        case .skipped(.cell0): "it has no queue"
        case .skipped(.disabled): "it is disabled"
        case .skipped(.noTimeLeft), .skipped(.stuck): "there was no time for it"
        }
    }
}
