/// The results of work in many cells, as they arrive.
///
/// For one iteration. Ends after the last cell's result. The buffer has no limit, because there is one result per cell.
public struct CellResults<Value: Sendable>: AsyncSequence, Sendable {
    public typealias Element = CellResult<Value>

    /// The requested cells, in their order.
    public let cells: [CellMapping]

    /// Cells of the directory that can't be read, so they aren't asked.
    public let defects: [CellListing.Defect]

    let stream: AsyncStream<CellResult<Value>>

    public struct AsyncIterator: AsyncIteratorProtocol {
        var iterator: AsyncStream<CellResult<Value>>.Iterator

        public mutating func next() async -> CellResult<Value>? {
            await next(isolation: #isolation)
        }

        public mutating func next(isolation actor: isolated (any Actor)?) async -> CellResult<Value>? {
            await iterator.next(isolation: actor)
        }
    }

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(iterator: stream.makeAsyncIterator())
    }

    /// Returns all results once the last has arrived or the task is cancelled. If a cell's result hasn't arrived by
    /// then, or an iteration has taken it before, the cell is missing: its outcome is a `CancellationError`.
    public func gather() async -> GatheredCells<Value> {
        var results: [CellID: CellResult<Value>] = [:]
        for await result in self { results[result.cell.id] = result }
        let all = cells.map { cell in
            results[cell.id] ?? CellResult(cell: cell, outcome: .failed(CancellationError()), duration: .zero)
        }
        return GatheredCells(results: all, defects: defects)
    }
}
