/// The results of work in many cells, as they come.
///
/// For one iteration. Ends after the last cell's; buffered without a bound, as there is one for each cell.
public struct CellResults<Value: Sendable>: AsyncSequence, Sendable {
    public typealias Element = CellResult<Value>

    /// The cells that were asked for, in their order.
    public let cells: [CellMapping]

    /// Cells of the directory that cannot be read, and so are not asked.
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

    /// All of them, when the last has come, or the task is cancelled. A cell whose result has not come by then, or was taken
    /// by an iteration before, is missing: its outcome is a `CancellationError`.
    public func gather() async -> GatheredCells<Value> {
        var results: [CellID: CellResult<Value>] = [:]
        for await result in self { results[result.cell.id] = result }
        let all = cells.map { cell in
            results[cell.id] ?? CellResult(cell: cell, outcome: .failed(CancellationError()), duration: .zero)
        }
        return GatheredCells(results: all, defects: defects)
    }
}
