/// The outcome of work in one cell.
public enum CellOutcome<Value: Sendable>: Sendable {
    /// Why a cell was skipped.
    public enum Skip: Sendable, Hashable {
        /// The cell is cell0, which has no queue.
        case cell0
        case disabled
        /// The time for all cells was up before it was this cell's turn.
        case noTimeLeft
        /// Too much earlier work is still running in the cell, although its time is up and it was cancelled.
        case stuck
    }

    case answered(Value)
    /// The cell couldn't be aimed at, the work threw, or no task waited for its result (a `CancellationError`).
    case failed(any Error)
    /// The work was cancelled because it didn't finish in time.
    case didNotRespond(after: Duration)
    case skipped(Skip)

    /// The answer, if there is one.
    public var value: Value? {
        guard case .answered(let value) = self else { return nil }
        return value
    }

    /// The error, if there is one.
    public var error: (any Error)? {
        guard case .failed(let error) = self else { return nil }
        return error
    }

    /// Whether the cell should have answered but didn't. Tell your users about such cells, so that they don't mistake a
    /// partial result for a complete one.
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
    /// Two errors are equal if their descriptions are.
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
