public import Logging
public import ServiceLifecycle
public import SwitchboardCore
public import SwitchboardMessaging

/// Aims request contexts at cells: looks up the mapping, keeps a line to each cell's message queue, and puts it into a
/// copy of the context.
///
///     try await cells.withTargetCell(forInstance: uuid, context) { context in
///         try await client.call(ComputeAPI.reboot, arguments, to: host, context: context)
///     }
///
/// The caller's context is never touched; targeting succeeds whole or changes nothing. Lines connect when they are first
/// used, are shared by what they connect to, and follow the mappings: a changed URL is used by the next request, and the
/// old line closes after its last user.
public final class CellContextManager: Service {
    public let directory: any CellDirectory

    private let drivers: DriverRegistry
    private let base: BaseURLs
    private let configuration: LineConfiguration
    private let logger: Logger
    private let table: Locked<LineTable>
    private let resolved = Locked<[CellID: Resolution]>([:])
    private let starts: AsyncStream<Line>
    private let startSource: AsyncStream<Line>.Continuation

    /// What a cell's stored URL was resolved to.
    private struct Resolution {
        let stored: URLTemplate?
        let key: LineKey?
    }

    /// - Parameter base: the process's own URLs, which templates of the mappings take their values from.
    public init(
        directory: any CellDirectory,
        drivers: DriverRegistry,
        base: BaseURLs = BaseURLs(),
        configuration: LineConfiguration = LineConfiguration(),
        logger: Logger
    ) {
        self.directory = directory
        self.drivers = drivers
        self.base = base
        self.configuration = configuration
        self.logger = logger
        table = Locked(
            LineTable(maximumCount: configuration.maximumCount, idleLifetime: configuration.idleLifetime))
        (starts, startSource) = AsyncStream.makeStream(of: Line.self)
    }

    /// Runs the lines, expires them and follows the mappings, until graceful shutdown or cancellation. Called once.
    ///
    /// List it before the services that aim at cells.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.keepUp() }
                for await line in self.starts {
                    group.addTask { await self.run(line) }
                }
                group.cancelAll()
            }
        }
    }

    // MARK: Targeting

    /// Runs `body` with a copy of `context` that is aimed at the cell of an instance.
    ///
    /// Throws a ``CellError`` when the instance is unknown or not scheduled to a cell yet, or its cell cannot be used;
    /// else what `body` throws.
    public func withTargetCell<Result>(
        forInstance instance: String,
        _ context: RequestContext,
        includingDisabled: Bool = false,
        _ body: (RequestContext) async throws -> Result
    ) async throws -> Result {
        let cell = try await directory.cell(ofInstance: instance)
        return try await withTargetCell(cell, context, includingDisabled: includingDisabled, body)
    }

    /// Runs `body` with a copy of `context` that is aimed at the cell of a host.
    public func withTargetCell<Result>(
        forHost host: String,
        _ context: RequestContext,
        includingDisabled: Bool = false,
        _ body: (RequestContext) async throws -> Result
    ) async throws -> Result {
        let cell = try await directory.location(ofHost: host).cell
        return try await withTargetCell(cell, context, includingDisabled: includingDisabled, body)
    }

    /// Runs `body` with a copy of `context` that is aimed at a cell. The line stays open for as long as `body` runs.
    ///
    /// Aiming at a cell without a queue (cell0) succeeds; RPC with such a context fails with an error that names the
    /// cell. Aiming at a disabled cell throws, unless `includingDisabled`.
    public func withTargetCell<Result>(
        _ cell: CellMapping,
        _ context: RequestContext,
        includingDisabled: Bool = false,
        _ body: (RequestContext) async throws -> Result
    ) async throws -> Result {
        let (target, line) = try lease(cell, includingDisabled: includingDisabled)
        defer { if let line { release(line) } }
        var copy = context
        copy.mqConnection = target
        return try await body(copy)
    }

    /// A copy of `context` that is aimed at a cell, for as long as the cell's line lives: RPC with a copy that outlives it
    /// fails with an error that says so, and never goes through another queue.
    public func targeted(
        _ context: RequestContext, at cell: CellMapping, includingDisabled: Bool = false
    ) throws -> RequestContext {
        let (target, line) = try lease(cell, includingDisabled: includingDisabled)
        if let line { release(line) }
        var copy = context
        copy.mqConnection = target
        return copy
    }

    /// The lines of now, by digest.
    public func status() -> [LineStatus] {
        let now = ContinuousClock.now
        return table.withLock { $0.entries.values.map { LineStatus($0, now: now) } }.sorted { $0.digest < $1.digest }
    }

    // MARK: Leases

    private func lease(
        _ cell: CellMapping, includingDisabled: Bool
    ) throws -> (target: MQConnection, line: Line?) {
        if cell.isDisabled && !includingDisabled {
            throw CellError(
                .disabledCell, "Cell \(cell.identity) is disabled; enable it, or ask for disabled cells too.",
                cell: cell.identity)
        }
        guard let key = try key(of: cell) else {
            return (.none(cell: "\(cell.identity)", reason: "it has no message queue (none://)"), nil)
        }
        let (line, isNew, closing) = try table.withLock { table throws -> (Line, Bool, [Line]) in
            let now = ContinuousClock.now
            switch table.lease(key, for: cell.id, now: now) {
            case .line(let line): return (line, false, [])
            case .make(let closing):
                let line = try makeLine(key, for: cell)
                table.add(line, for: cell.id, now: now)
                return (line, true, closing)
            case .refused(let error):
                throw CellError(
                    .unreachable, "The message queue of cell \(cell.identity) refused us.", cell: cell.identity,
                    cause: error)
            case .full:
                throw CellError(
                    .exhausted,
                    "Cell \(cell.identity) cannot be aimed at: all \(configuration.maximumCount) lines are in use.",
                    cell: cell.identity)
            }
        }
        if isNew { startSource.yield(line) }
        closing.forEach { $0.close() }
        return (.cell(line.connection, name: "\(cell.identity)"), line)
    }

    private func release(_ line: Line) {
        table.withLock { $0.release(line, now: .now) }?.close()
    }

    private func makeLine(_ key: LineKey, for cell: CellMapping) throws(CellError) -> Line {
        do {
            let connection = try MessageQueueConnection(
                key.url, drivers: drivers, configuration: configuration.transport, name: "\(cell.identity)",
                logger: logger)
            return Line(key: key, connection: connection)
        } catch {
            throw CellError(
                .badURL, "The transport URL of cell \(cell.identity) cannot be used: \(error.message)",
                cell: cell.identity, cause: error)
        }
    }

    /// What the cell's line connects to; `nil` when it has no queue. A changed mapping drains the former line.
    private func key(of cell: CellMapping) throws(CellError) -> LineKey? {
        let known = resolved.withLock { $0[cell.id] }
        if let known, known.stored == cell.transportURL { return known.key }
        let key: LineKey? =
            switch try cell.queue(base: base) {
            case .none: nil
            case .url(let url): LineKey(url: url)
            }
        resolved.withLock { $0[cell.id] = Resolution(stored: cell.transportURL, key: key) }
        table.withLock { $0.remap(cell.id, to: key) }.forEach { $0.close() }
        return key
    }

    // MARK: Lines

    private func run(_ line: Line) async {
        logger.info("Line opened", metadata: ["line.digest": "\(line.key.digest)", "cell": "\(line.connection.name)"])
        do {
            try await line.run()
            table.withLock { $0.end(line, error: nil, pause: .zero, now: .now) }
            logger.info(
                "Line closed", metadata: ["line.digest": "\(line.key.digest)", "cell": "\(line.connection.name)"])
        } catch {
            table.withLock { $0.end(line, error: error, pause: configuration.refusalPause, now: .now) }
            logger.warning(
                "Line lost", metadata: ["cell": "\(line.connection.name)", "error": "\(error)"])
        }
    }

    /// Expires idle lines, and asks the directory now and then whether the mappings of the cells in use have changed.
    private func keepUp() async {
        var version: DirectoryVersion?
        while !Task.isCancelled {
            try? await Task.sleep(for: configuration.refreshInterval)
            guard !Task.isCancelled else { return }
            table.withLock { $0.expire(now: .now) }.forEach { $0.close() }
            do {
                let current = try await directory.version()
                if current != version { try await refresh() }
                version = current
            } catch {
                logger.warning("Cell mappings cannot be read", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Looks at the mappings of the cells in use; lines of those that changed drain.
    private func refresh() async throws(CellError) {
        for id in table.withLock({ $0.cells }) {
            let cell: CellMapping
            do {
                cell = try await directory.cell(id)
            } catch {
                guard error.code == .unknownCell else { throw error }
                forget(id)
                continue
            }
            do {
                if cell.isDisabled { forget(id) } else { _ = try key(of: cell) }
            } catch {
                logger.warning("Cell mapping cannot be used", metadata: ["error": "\(error)"])
                forget(id)
            }
        }
    }

    private func forget(_ cell: CellID) {
        resolved.withLock { _ = $0.removeValue(forKey: cell) }
        table.withLock { $0.remap(cell, to: nil) }.forEach { $0.close() }
    }
}
