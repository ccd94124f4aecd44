/// The outcomes of work in many cells.
public struct GatheredCells<Value: Sendable>: Sendable {
    /// One result for each requested cell, in their order.
    public let results: [CellResult<Value>]

    /// Cells of the directory that can't be read, so they weren't asked.
    public let defects: [CellListing.Defect]

    public init(results: [CellResult<Value>], defects: [CellListing.Defect] = []) {
        self.results = results
        self.defects = defects
    }

    /// The outcomes by cell.
    public var outcomes: [CellID: CellOutcome<Value>] {
        Dictionary(results.map { ($0.cell.id, $0.outcome) }, uniquingKeysWith: { first, _ in first })
    }

    /// The answers by cell.
    public var answers: [CellID: Value] {
        outcomes.compactMapValues(\.value)
    }

    /// The cells that should have answered but didn't, with their outcomes.
    public var missing: [CellResult<Value>] {
        results.filter(\.outcome.isMissing)
    }

    /// Whether every cell that should have answered did.
    public var isComplete: Bool {
        defects.isEmpty && missing.isEmpty
    }

    public subscript(cell: CellID) -> CellOutcome<Value>? {
        results.first { $0.cell.id == cell }?.outcome
    }
}
