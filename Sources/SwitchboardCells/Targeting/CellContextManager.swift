public import Logging
public import ServiceLifecycle
public import SwitchboardCore
public import SwitchboardMessaging

/// Aims request contexts at cells: looks up the mapping, keeps a connection to each cell's message queue, and puts it
/// into a copy of the context.
///
///     try await cells.withTargetCell(forInstance: uuid, context) { context in
///         try await client.call(ComputeAPI.reboot, arguments, to: host, context: context)
///     }
///
/// Within `body`, the copy is also `RequestContext.current`: calls that are given no context go to the cell too, and so
/// do calls of distributed actors.
///
/// The caller's context is never changed; aiming either succeeds or changes nothing. A connection connects when it is
/// first used, and all cells with the same URL share it. Connections follow the mappings: the next request uses a
/// changed URL, and the old connection closes after its last user. If a cell's queue doesn't answer, only its first
/// user waits; later ones get an error at once, until a probe comes back.
public final class CellContextManager: Service {
    public let directory: any CellDirectory

    let table: Locked<CellConnectionPool>
    let events: CellConnectionEvents
    let base: BaseURLs
    let configuration: CellConnectionConfiguration
    /// Where the connections of all cells report to.
    public let telemetry: Telemetry
    let logger: Logger
    /// How many pieces of work a cell has left running beyond their deadlines.
    let abandoned = Locked<[CellID: Int]>([:])
    let starts: AsyncStream<CellConnection>
    let madeAt = ContinuousClock.now
    private let drivers: DriverRegistry
    private let digests = ConnectionDigests()
    private let nextConnectionID = Locked<UInt64>(0)
    /// Held while a connection is made, and taken before the table's: a driver may read files when it is made, which
    /// whoever has a connection does not wait for.
    private let opening = Locked(())
    private let startSource: AsyncStream<CellConnection>.Continuation

    /// Creates a manager.
    ///
    /// - Parameters:
    ///   - directory: the mappings.
    ///   - drivers: the drivers for the cells' queues.
    ///   - base: the process's own URLs, which supply the values for templates in the mappings.
    ///   - configuration: how to manage the cells' connections.
    ///   - telemetry: where the connections of all cells report to.
    ///   - logger: where the manager and the connections log to.
    public init(
        directory: any CellDirectory,
        drivers: DriverRegistry,
        base: BaseURLs = BaseURLs(),
        configuration: CellConnectionConfiguration = CellConnectionConfiguration(),
        telemetry: Telemetry = Telemetry(),
        logger: Logger = Logger(label: "switchboard")
    ) {
        self.telemetry = telemetry
        self.directory = directory
        self.drivers = drivers
        self.base = base
        self.configuration = configuration
        self.logger = logger
        table = Locked(
            CellConnectionPool(maximumCount: configuration.maximumCount, idleLifetime: configuration.idleLifetime))
        events = CellConnectionEvents(metrics: telemetry.metrics, logger: logger)
        (starts, startSource) = AsyncStream.makeStream(of: CellConnection.self)
    }

    /// Runs and expires the connections, and follows the mappings, until graceful shutdown or cancellation. Called
    /// once.
    ///
    /// List it before the services that aim at cells: after it has ended, aiming fails with
    /// ``CellError/Code/connectionClosed``.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.keepUp() }
                // This handler is the task's newest, so it is called before the connections are cancelled: nobody is
                // aimed at one that is ending.
                await withTaskCancellationHandler {
                    for await connection in self.starts {
                        group.addTask { await self.run(connection) }
                    }
                } onCancel: {
                    self.table.withLock { $0.close() }
                }
                group.cancelAll()
            }
        }
        table.withLock { $0.close() }
        events.finish()
    }

    // MARK: Targeting

    /// Runs `body` with a copy of `context` that is aimed at the cell of an instance.
    ///
    /// Throws a ``CellError`` if the instance is unknown or not scheduled to a cell yet, or if its cell can't be used;
    /// otherwise what `body` throws.
    public func withTargetCell<Result>(
        forInstance instance: String,
        _ context: RequestContext,
        includingDisabled: Bool = false,
        _ body: (RequestContext) async throws -> Result
    ) async throws -> Result {
        let cell = try await directory.cell(ofInstance: instance)
        return try await withTarget(cell, isFresh: true, context, includingDisabled: includingDisabled, body)
    }

    /// Runs `body` with a copy of `context` that is aimed at the cell of a host.
    public func withTargetCell<Result>(
        forHost host: String,
        _ context: RequestContext,
        includingDisabled: Bool = false,
        _ body: (RequestContext) async throws -> Result
    ) async throws -> Result {
        let cell = try await directory.location(ofHost: host).cell
        return try await withTarget(cell, isFresh: true, context, includingDisabled: includingDisabled, body)
    }

    /// Runs `body` with a copy of `context` that is aimed at a cell. The connection stays open for as long as `body`
    /// runs.
    ///
    /// The mapping may be old: if the manager knows a newer one for the same cell, it uses that. Aiming at a cell
    /// without a queue (cell0) succeeds, but RPC with that context fails with an error that names the cell.
    ///
    /// - Throws: ``CellError`` with one of these codes, otherwise what `body` throws: ``CellError/Code/disabledCell``
    ///   unless `includingDisabled`; ``CellError/Code/unreachable``, at once, while the cell's queue doesn't answer or
    ///   refuses the login; ``CellError/Code/badURL``; ``CellError/Code/unknownCell`` if the cell has been deleted;
    ///   ``CellError/Code/exhausted``.
    public func withTargetCell<Result>(
        _ cell: CellMapping,
        _ context: RequestContext,
        includingDisabled: Bool = false,
        _ body: (RequestContext) async throws -> Result
    ) async throws -> Result {
        try await withTarget(cell, isFresh: false, context, includingDisabled: includingDisabled, body)
    }

    private func withTarget<Result>(
        _ cell: CellMapping, isFresh: Bool, _ context: RequestContext, includingDisabled: Bool,
        _ body: (RequestContext) async throws -> Result
    ) async throws -> Result {
        let lease = try lease(cell, isFresh: isFresh, includingDisabled: includingDisabled)
        defer { if let connection = lease.connection { release(connection) } }
        var copy = context
        copy.mqConnection = lease.target
        return try await withRequestContext(copy) { try await body(copy) }
    }

    /// Returns a copy of `context` that is aimed at a cell. It works for as long as the cell's connection lives. After
    /// that, RPC with it fails with an error that says so, and never goes through another queue.
    ///
    /// Throws the same errors as ``withTargetCell(_:_:includingDisabled:_:)``.
    public func targeted(
        _ context: RequestContext, at cell: CellMapping, includingDisabled: Bool = false
    ) throws -> RequestContext {
        let lease = try lease(cell, isFresh: false, includingDisabled: includingDisabled)
        if let connection = lease.connection { release(connection) }
        var copy = context
        copy.mqConnection = lease.target
        return copy
    }

    /// Returns a copy of `context` that isn't aimed at a cell. RPC with it goes through the process's own queue.
    public func untargeted(_ context: RequestContext) -> RequestContext {
        var copy = context
        copy.mqConnection = .own
        return copy
    }

    // MARK: Watching

    /// The current connections, sorted by digest.
    public func status() -> [CellConnectionStatus] {
        let now = ContinuousClock.now
        return table.withLock { $0.entries.values.map { CellConnectionStatus($0, now: now) } }.sorted {
            $0.digest < $1.digest
        }
    }

    /// The events of all connections from now on, until the manager ends. A slow watcher gets the newest 1000.
    public func connectionEvents() -> AsyncStream<CellConnectionEvent> {
        events.stream()
    }

    // MARK: Leases

    /// Counts one more user of a cell's connection, which is made where there is none.
    private func lease(
        _ cell: CellMapping, isFresh: Bool, includingDisabled: Bool
    ) throws -> CellConnectionPool.Lease {
        if cell.isDisabled && !includingDisabled { throw CellError.disabled(cell) }
        switch find(cell, isFresh: isFresh, includingDisabled: includingDisabled) {
        case .lease(let lease): return lease
        case .failed(let error): throw error
        case .missing: break
        }
        return try opening.withLock { _ throws -> CellConnectionPool.Lease in
            var made: CellConnection?
            while true {
                // Somebody else may have been faster.
                switch find(cell, isFresh: isFresh, includingDisabled: includingDisabled, made: made) {
                case .lease(let lease): return lease
                case .failed(let error): throw error
                case .missing(let url, let title): made = try makeConnection(url, for: cell, title)
                }
            }
        }
    }

    /// - Parameter made: a connection that was missing before. It runs from now on, if it is added.
    private func find(
        _ cell: CellMapping, isFresh: Bool, includingDisabled: Bool, made: CellConnection? = nil
    ) -> CellConnectionPool.Finding {
        let (finding, leftovers) = table.withLock { table in
            table.lease(cell, isFresh: isFresh, includingDisabled: includingDisabled, base: base, made: made)
        }
        end(leftovers)
        if let made, case .lease(let lease) = finding, lease.connection === made {
            made.health.opened()
            startSource.yield(made)
        }
        return finding
    }

    private func release(_ connection: CellConnection) {
        table.withLock { $0.release(connection) }?.close(.drained)
    }

    /// Finds out what a mapping means. A changed one drains the former connection.
    ///
    /// - Parameter isFresh: whether the mapping was looked up just now.
    func resolve(_ cell: CellMapping, isFresh: Bool) throws(CellError) {
        let queue = try cell.queue(base: base)
        end(table.withLock { $0.resolve(cell, to: queue, isFresh: isFresh) })
    }

    private func makeConnection(_ url: TransportURL, for cell: CellMapping, _ title: String) throws(CellError)
        -> CellConnection
    {
        let id = nextConnectionID.withLock { id in
            id += 1
            return id
        }
        let digest = digests.digest(of: url)
        let health = ConnectionHealth(title: title, silenceLimit: configuration.silenceLimit) { [events] kind in
            events.report(CellConnectionEvent(kind: kind, digest: digest, cell: title))
        }
        do {
            let transport = try Transport(
                url, drivers: drivers, configuration: configuration.transport, logger: logger)
            let messageQueue = MessageQueueConnection(
                transport, name: title, title: title, telemetry: telemetry, observer: health, logger: logger)
            return CellConnection(id: id, url: url, digest: digest, messageQueue: messageQueue, health: health)
        } catch {
            throw CellError(
                .badURL, "The transport URL of cell \(cell.identity) cannot be used: \(error.message)",
                cell: cell.identity, cause: error)
        }
    }
}

extension CellError {
    static func disabled(_ cell: CellMapping) -> CellError {
        CellError(
            .disabledCell, "Cell \(cell.identity) is disabled; enable it, or ask for disabled cells too.",
            cell: cell.identity)
    }

    static func refused(_ cell: CellMapping, _ cause: any Error) -> CellError {
        CellError(
            .unreachable, "The message queue of cell \(cell.identity) refused us.", cell: cell.identity, cause: cause)
    }

    static func silent(_ cell: CellMapping, _ silence: CircuitBreaker.Silence) -> CellError {
        CellError(.unreachable, ConnectionHealth.sentence("\(cell.identity)", silence), cell: cell.identity)
    }

    static func exhausted(_ cell: CellMapping, _ maximum: Int) -> CellError {
        CellError(
            .exhausted, "Cell \(cell.identity) cannot be aimed at: all \(maximum) connections are in use.",
            cell: cell.identity)
    }

    static func managerEnded(_ cell: CellMapping) -> CellError {
        CellError(
            .connectionClosed,
            "Cell \(cell.identity) cannot be aimed at: the manager of the cells' connections has ended.",
            cell: cell.identity)
    }
}
