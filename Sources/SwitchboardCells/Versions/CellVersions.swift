public import Logging
public import ServiceLifecycle
internal import SwitchboardCore
public import SwitchboardMessaging

/// How ``CellVersions`` looks for versions.
public struct CellVersionsConfiguration: Sendable {
    /// How often to check all cells.
    public var refreshInterval: Duration = .seconds(60)

    /// How long a cell may take to report its version.
    public var cellTimeout: Duration = .seconds(10)

    /// How many cells to check at a time.
    public var maximumParallelism = 64

    /// How soon to check a cell again whose version was asked for and isn't known; at least 10 ms.
    public var retryInterval: Duration = .seconds(1)

    public init() {}
}

/// The versions that the services of each cell understand, kept up to date: the pins of an upgrade.
///
/// Asking never waits, not even for a cell that is down. The answer is what was found last, or `nil` if nothing was
/// found yet. A cell with old services doesn't hold the others back, and a cell that can't be reached keeps its last
/// version.
///
///     let pins = CellVersions(directory: directory, logger: logger) { cell in
///         try await ComputePin(oldestService: oldestComputeService(in: cell))
///     }
///     let compute = ComputeAPI(client) { queue in pins[queue] ?? ComputePin(release: "yoga")! }
public final class CellVersions<Version: Sendable>: Service {
    /// What is known about a cell.
    public struct Entry: Sendable {
        /// What its services understand; `nil` if that isn't known yet.
        public var version: Version?
        /// When that was found out.
        public var foundAt: ContinuousClock.Instant?
        /// Why the last check failed, if it did.
        public var lastError: (any Error)?
    }

    public let configuration: CellVersionsConfiguration
    private let directory: any CellDirectory
    private let find: @Sendable (CellMapping) async throws -> Version
    private let logger: Logger
    private let entries = Locked<[CellID: Entry]>([:])
    /// The cells that are being asked, also beyond their time.
    private let asked = Locked<Set<CellID>>([])
    private let wishes: AsyncStream<Void>
    private let wishSource: AsyncStream<Void>.Continuation

    /// Creates an empty table. `find` finds out what the services of a cell understand: from the cell's own database,
    /// from a column of the directory, or by asking them.
    public init(
        directory: any CellDirectory,
        configuration: CellVersionsConfiguration = CellVersionsConfiguration(),
        logger: Logger,
        find: @escaping @Sendable (CellMapping) async throws -> Version
    ) {
        self.directory = directory
        self.configuration = configuration
        self.logger = logger
        self.find = find
        (wishes, wishSource) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Checks all cells regularly, until graceful shutdown or cancellation. Called once.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await self.refresh()
                } catch is CancellationError {
                    return
                } catch {
                    self.logger.warning("Cells' versions cannot be found", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(
                    for: max(self.configuration.retryInterval, CellConnectionConfiguration.leastInterval))
                await self.waitForTimeOrWish()
            }
        }
    }

    /// Checks all cells now. Returns when each has answered or timed out.
    ///
    /// Throws ``CellError`` if the directory can't list the cells.
    public func refresh() async throws {
        let cells = try await directory.cells().cells
        let present = Set(cells.map(\.id))
        entries.withLock { entries in entries = entries.filter { present.contains($0.key) } }
        var scattering = ScatterConfiguration()
        scattering.cellTimeout = configuration.cellTimeout
        scattering.timeout = .seconds(86_400)
        scattering.maximumParallelism = configuration.maximumParallelism
        let scatter = Scatter<Version>(
            configuration: scattering,
            skip: { cell in
                if cell.isCell0 { return .cell0 }
                // One that is still at it is not asked a second time.
                return self.asked.withLock { $0.contains(cell.id) } ? .stuck : nil
            },
            work: { cell in
                // Not before: a cell whose turn does not come, as all is cancelled, is not asked.
                guard self.asked.withLock({ $0.insert(cell.id).inserted }) else { throw Self.late(cell) }
                defer { self.asked.withLock { _ = $0.remove(cell.id) } }
                return try await self.find(cell)
            },
            abandon: { _, _ in }, late: { _ in })
        await scatter.run(cells) { result in self.note(result) }
        try Task.checkCancellation()
    }

    private func note(_ result: CellResult<Version>) {
        let error: any Error
        switch result.outcome {
        case .answered(let version):
            entries.withLock { $0[result.cell.id] = Entry(version: version, foundAt: .now) }
            return
        case .failed(let reason): error = reason
        case .didNotRespond, .skipped(.stuck): error = Self.late(result.cell)
        case .skipped: return
        }
        entries.withLock { $0[result.cell.id, default: Entry()].lastError = error }
        logger.warning(
            "Cell's version cannot be found", metadata: ["cell": "\(result.cell.identity)", "error": "\(error)"])
    }

    private static func late(_ cell: CellMapping) -> CellError {
        CellError(.unreachable, "Cell \(cell.identity) did not say its version in time.", cell: cell.identity)
    }

    /// What a cell's services understand, if that is known. A cell that isn't known is checked soon.
    public subscript(cell: CellID) -> Version? {
        let version = entries.withLock { $0[cell]?.version }
        if version == nil { wishSource.yield() }
        return version
    }

    /// The same for the cell that a queue belongs to; `nil` for the process's own queue.
    public subscript(queue: QueueRoute) -> Version? {
        queue.cellID.flatMap { self[$0] }
    }

    /// Everything that is known.
    public var known: [CellID: Entry] {
        entries.withLock { $0 }
    }

    private func waitForTimeOrWish() async {
        await withDiscardingTaskGroup { group in
            let (ends, end) = AsyncStream.makeStream(of: Void.self)
            group.addTask {
                try? await Task.sleep(for: self.configuration.refreshInterval)
                end.yield()
            }
            group.addTask {
                for await _ in self.wishes { break }
                end.yield()
            }
            for await _ in ends { break }
            group.cancelAll()
        }
    }
}

extension CellVersions where Version == RPCVersion {
    /// Returns a copy of `client` that sends nothing to the context's cell that is newer than the cell understands.
    ///
    /// `unknown` is the cap for a cell whose version isn't known; `nil` keeps the client's own.
    public func capped(_ client: RPCClient, for context: RequestContext, unknown: RPCVersion? = nil) -> RPCClient {
        var client = client
        client.versionCap = self[context.mqConnection] ?? unknown ?? client.versionCap
        return client
    }
}
