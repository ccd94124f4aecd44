/// How to work in many cells.
public struct ScatterConfiguration: Sendable {
    /// How long one cell may take, from when work in it starts.
    public var cellTimeout: Duration = .seconds(10)

    /// How long all cells may take together; Nova's `CELL_TIMEOUT`.
    public var timeout: Duration = .seconds(60)

    /// In how many cells to work at a time. A cell that doesn't respond takes up its slot until its own time is up.
    public var maximumParallelism = 64

    /// Whether to skip cell0, which has no queue and so answers no RPC.
    public var skipsCell0 = true

    /// Whether to include disabled cells.
    public var includesDisabled = false

    public init() {}

    /// Creates a configuration with the default settings except for the timeouts.
    public init(cellTimeout: Duration, timeout: Duration = .seconds(60)) {
        self.cellTimeout = cellTimeout
        self.timeout = timeout
    }
}
