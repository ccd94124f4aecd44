/// What came of work in one cell.
public enum CellOutcome<Value: Sendable>: Sendable {
    /// Why nothing was done in a cell.
    public enum Skip: Sendable, Hashable {
        /// It is cell0, which has no queue.
        case cell0
        case disabled
        /// The time for all cells was over before its turn came.
        case noTimeLeft
        /// Too much work of before is still running in it, beyond its time and although it was cancelled.
        case stuck
    }

    case answered(Value)
    /// The cell could not be aimed at, the work threw, or nobody waited for its result (a `CancellationError`).
    case failed(any Error)
    /// The work was cancelled, as it was not done in its time.
    case didNotRespond(after: Duration)
    case skipped(Skip)

    /// The answer, where there is one.
    public var value: Value? {
        guard case .answered(let value) = self else { return nil }
        return value
    }

    /// The error, where the cell has one.
    public var error: (any Error)? {
        guard case .failed(let error) = self else { return nil }
        return error
    }

    /// Whether the cell should have answered, and did not: what a caller must tell its users of, so that they do not take
    /// a part for the whole.
    public var isMissing: Bool {
        switch self {
        case .answered, .skipped(.cell0), .skipped(.disabled): false
        case .failed, .didNotRespond, .skipped: true
        }
    }

    /// `answered`, `failed`, `didNotRespond` or `skipped`.
    public var name: String {
        switch self {
        case .answered: "answered"
        case .failed: "failed"
        case .didNotRespond: "didNotRespond"
        case .skipped: "skipped"
        }
    }
}

extension CellOutcome: Equatable where Value: Equatable {
    /// Errors are equal when their descriptions are.
    public static func == (left: CellOutcome, right: CellOutcome) -> Bool {
        switch (left, right) {
        case (.answered(let left), .answered(let right)): left == right
        case (.failed(let left), .failed(let right)): "\(left)" == "\(right)"
        case (.didNotRespond(let left), .didNotRespond(let right)): left == right
        case (.skipped(let left), .skipped(let right)): left == right
        default: false
        }
    }
}

/// What came of work in one cell, and how long it took.
public struct CellResult<Value: Sendable>: Sendable {
    public let cell: CellMapping
    public let outcome: CellOutcome<Value>
    public let duration: Duration

    public init(cell: CellMapping, outcome: CellOutcome<Value>, duration: Duration) {
        self.cell = cell
        self.outcome = outcome
        self.duration = duration
    }
}
