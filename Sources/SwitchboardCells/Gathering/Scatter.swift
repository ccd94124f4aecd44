internal import SwitchboardCore

/// Does a piece of work in each of many cells: so many at a time, each in its time, all in theirs.
///
/// Nothing that the work does holds the others up, or whoever waits: a piece that is late is cancelled, and one that does
/// not heed that is left behind.
struct Scatter<Value: Sendable>: Sendable {
    let configuration: ScatterConfiguration
    /// Why nothing is to be done in a cell; `nil`: it is begun.
    let skip: @Sendable (CellMapping) -> CellOutcome<Value>.Skip?
    let work: @Sendable (CellMapping) async throws -> Value
    /// Called with 1 for a cell whose work nobody waits for any more, and with -1 when that work has ended.
    let abandon: @Sendable (CellMapping, Int) -> Void
    /// Called for a cell that did not respond in its time.
    let late: @Sendable (CellMapping) -> Void

    /// Does the work, and reports each cell's result. Returns after the last, or at once when cancelled.
    func run(_ cells: [CellMapping], report: @escaping @Sendable (CellResult<Value>) -> Void) async {
        let end = ContinuousClock.now + configuration.timeout
        await withDiscardingTaskGroup { group in
            let (places, place) = AsyncStream.makeStream(of: Void.self)
            for _ in 0..<max(1, configuration.maximumParallelism) { place.yield() }
            var free = places.makeAsyncIterator()
            for cell in cells {
                if let reason = skip(cell) {
                    report(CellResult(cell: cell, outcome: .skipped(reason), duration: .zero))
                    continue
                }
                // Whoever has a place gives it back by `end`, or when all is cancelled.
                guard await free.next() != nil else { return }
                guard ContinuousClock.now < end else {
                    place.yield()
                    report(CellResult(cell: cell, outcome: .skipped(.noTimeLeft), duration: .zero))
                    continue
                }
                group.addTask {
                    let start = ContinuousClock.now
                    if let outcome = await outcome(in: cell, until: min(end, start + configuration.cellTimeout)) {
                        report(CellResult(cell: cell, outcome: outcome, duration: start.duration(to: .now)))
                    }
                    place.yield()
                }
            }
        }
    }

    /// `nil` when the task is cancelled.
    private func outcome(in cell: CellMapping, until deadline: ContinuousClock.Instant) async -> CellOutcome<Value>? {
        let start = ContinuousClock.now
        let first = FirstOutcome<CellOutcome<Value>?>()
        // Not a child: one of those is waited for, however long it ignores being cancelled.
        let piece = Task {
            let outcome: CellOutcome<Value>
            do {
                outcome = .answered(try await work(cell))
            } catch {
                outcome = .failed(error)
            }
            if !first.settle(outcome) { abandon(cell, -1) }
        }
        let giveUp = { @Sendable (outcome: CellOutcome<Value>?) -> Bool in
            // Counted before it is known, so that the work's end comes after.
            abandon(cell, 1)
            guard first.settle(outcome) else {
                abandon(cell, -1)
                return false
            }
            piece.cancel()
            return true
        }
        return await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                group.addTask {
                    guard (try? await Task.sleep(until: deadline, clock: .continuous)) != nil else { return }
                    if giveUp(.didNotRespond(after: start.duration(to: .now))) { late(cell) }
                }
                defer { group.cancelAll() }
                return await first.value()
            }
        } onCancel: {
            _ = giveUp(nil)
        }
    }
}
