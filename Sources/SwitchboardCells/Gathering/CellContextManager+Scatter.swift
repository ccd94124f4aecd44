import Logging
import Metrics
import SwitchboardCore
public import SwitchboardMessaging

extension CellContextManager {
    /// Runs `work` in each of many cells, with a copy of `context` that is aimed at the cell, and returns each cell's
    /// outcome.
    ///
    ///     let found = try await cells.scatterGather(context) { cell, context in
    ///         try await client.call(Conductor.services, .init(), context: context)
    ///     }
    ///     for (cell, services) in found.answers { … }
    ///     if !found.isComplete { … }
    ///
    /// An error in one cell is that cell's outcome and doesn't affect the others: an error of aiming at it, an error of
    /// the work, or a timeout. Work in a late cell is cancelled. If it ignores that, it is abandoned, and the cell is
    /// skipped once ``CellConnectionConfiguration/maximumAbandoned`` abandoned pieces of work are running in it.
    ///
    /// - Parameters:
    ///   - scope: the cells.
    ///   - context: the context to copy.
    ///   - configuration: timeouts, parallelism, and which cells to skip.
    ///   - work: what to do in each cell. It must not block its thread.
    /// - Throws: ``CellError`` if the directory can't list the cells; `CancellationError` if the task is cancelled.
    public func scatterGather<Value: Sendable>(
        over scope: CellScope = .all,
        _ context: RequestContext,
        configuration: ScatterConfiguration = ScatterConfiguration(),
        _ work: @escaping @Sendable (CellMapping, RequestContext) async throws -> Value
    ) async throws -> GatheredCells<Value> {
        let gathered = try await withScatter(over: scope, context, configuration: configuration, work) { results in
            await results.gather()
        }
        try Task.checkCancellation()
        return gathered
    }

    /// Does the same, but delivers the results as they arrive. When `collect` returns, unfinished work is cancelled, so
    /// it can stop after the first answers.
    ///
    ///     try await cells.withScatter(context) { cell, context in
    ///         try await client.call(…, context: context)
    ///     } collect: { results in
    ///         for await result in results { … }
    ///     }
    public func withScatter<Value: Sendable, Result>(
        over scope: CellScope = .all,
        _ context: RequestContext,
        configuration: ScatterConfiguration = ScatterConfiguration(),
        _ work: @escaping @Sendable (CellMapping, RequestContext) async throws -> Value,
        collect: (CellResults<Value>) async throws -> Result
    ) async throws -> Result {
        let listing = try await cells(in: scope)
        let (stream, source) = AsyncStream.makeStream(of: CellResult<Value>.self)
        let scatter = Scatter<Value>(
            configuration: configuration,
            skip: { self.reasonToSkip($0, configuration) },
            work: { cell in
                try await self.withTargetCell(cell, context, includingDisabled: configuration.includesDisabled) {
                    try await work(cell, $0)
                }
            },
            abandon: { cell, change in self.countAbandoned(in: cell.id, change) },
            late: { cell in self.table.withLock { $0.connection(of: cell.id) }?.health.suspect() })
        return try await withThrowingDiscardingTaskGroup { group in
            group.addTask {
                await scatter.run(listing.cells) { result in
                    self.count(result)
                    source.yield(result)
                }
                source.finish()
            }
            defer { group.cancelAll() }
            return try await collect(CellResults(cells: listing.cells, defects: listing.defects, stream: stream))
        }
    }

    private func cells(in scope: CellScope) async throws(CellError) -> CellListing {
        switch scope {
        case .all: return try await directory.cells()
        case .project(let id): return try await directory.cells(ofProject: id)
        case .cells(let cells): return CellListing(cells: cells)
        case .identifiers(let ids):
            var cells: [CellMapping] = []
            for id in ids { cells.append(try await directory.cell(id)) }
            return CellListing(cells: cells)
        }
    }

    private func reasonToSkip<Value>(
        _ cell: CellMapping, _ configuration: ScatterConfiguration
    ) -> CellOutcome<Value>.Skip? {
        if cell.isCell0, configuration.skipsCell0 { return .cell0 }
        if cell.isDisabled, !configuration.includesDisabled { return .disabled }
        let count = abandoned.withLock { $0[cell.id, default: 0] }
        return count >= self.configuration.maximumAbandoned ? .stuck : nil
    }

    /// Counts work that runs on although nobody waits for it any more.
    private func countAbandoned(in cell: CellID, _ change: Int) {
        abandoned.withLock { abandoned in
            let count = abandoned[cell, default: 0] + change
            abandoned[cell] = count > 0 ? count : nil
        }
    }

    private func count<Value>(_ result: CellResult<Value>) {
        let cell = "\(result.cell.identity)"
        Counter(
            label: "switchboard.cells.gather.outcomes",
            dimensions: [("outcome", result.outcome.name), ("switchboard.cell", cell)], factory: telemetry.metrics
        ).increment()
        if case .answered = result.outcome {
            Timer(
                label: "switchboard.cells.gather.duration", dimensions: [("switchboard.cell", cell)],
                preferredDisplayUnit: .seconds, factory: telemetry.metrics
            ).record(duration: result.duration)
        }
    }
}
