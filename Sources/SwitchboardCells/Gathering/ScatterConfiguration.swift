/// How work is done in many cells.
public struct ScatterConfiguration: Sendable {
    /// How long a cell may take, from when it is begun in.
    public var cellTimeout: Duration = .seconds(10)

    /// How long all may take together; Nova's `CELL_TIMEOUT`.
    public var timeout: Duration = .seconds(60)

    /// In how many cells at a time. A cell that does not respond holds its place until its own time is over.
    public var maximumParallelism = 64

    /// Whether cell0 is skipped. Without a queue it answers no RPC.
    public var skipsCell0 = true

    /// Whether disabled cells take part.
    public var includesDisabled = false

    public init() {}

    /// The defaults, with other times.
    public init(cellTimeout: Duration, timeout: Duration = .seconds(60)) {
        self.cellTimeout = cellTimeout
        self.timeout = timeout
    }
}
