public import Logging
public import ServiceLifecycle
public import SwitchboardCore

/// How an ``RPCServer`` works.
public struct RPCServerConfiguration: Sendable {
    /// When the queue is told that a request is done.
    public enum Acknowledgement: Sendable, Hashable {
        /// Before the handler runs: a crash loses what was taken. oslo.messaging's rule. No server executes a request
        /// twice; another one may, when a connection is lost on the way (<doc:ExecutedHowOften>).
        case atMostOnce
        /// After the handler has run and its reply is sent: a crash repeats what was taken.
        case atLeastOnce
    }

    /// The number of requests that are handled at a time; the rest stays in the queue.
    public var maximumConcurrency = 64

    public var acknowledgement = Acknowledgement.atMostOnce

    /// Whether a request that must never be executed twice (``RPCClient/neverTwice``) is executed when the queue delivers it
    /// for a second time.
    ///
    /// Servers of Switchboard's begin with such a request only when the queue has forgotten it for certain, so that what
    /// comes again was executed by none of them. Turn it off where other servers take requests from the same topic,
    /// oslo.messaging's or those of a Switchboard that did not know this: the caller gets
    /// ``RPCError/Code/indeterminate`` instead.
    public var executesRedelivered = true

    /// How many ids of past requests are kept to know duplicates by.
    public var duplicateWindow = 4096

    /// How long an id of a past request is kept.
    public var duplicateLifetime: Duration = .seconds(600)

    /// How long a reply whose mailbox is gone is tried again, before it is dropped.
    public var replyRetryDuration: Duration = .seconds(10)

    /// What runs the handlers; `nil` is Swift's own pool of threads.
    ///
    /// ``SwitchboardCore/Transport/taskExecutor`` runs them where their requests arrive, which saves most where handlers do
    /// little: see <doc:Performance>. Such a handler must never block its thread.
    public var executor: (any TaskExecutor)?

    /// What every request passes through before its handler, the first one outermost.
    public var middleware: [any RPCServerMiddleware] = []

    public init() {}
}

/// Serves RPC requests of one topic: those for any of its servers, those for this one, and fanouts.
public final class RPCServer: Service {
    public let topic: Topic
    /// The server's own name, which requests can be sent to.
    public let name: String
    public let configuration: RPCServerConfiguration

    /// What it serves on.
    public let connection: MessageQueueConnection
    private let handling: RPCRequestHandling
    private let tasks: HandlerTasks
    private let logger: Logger
    private let drain = Locked(DrainState())
    /// How far it has come.
    let phase = ServicePhase()
    /// What its health checks have found out.
    let hearing = Hearing()

    private struct DrainState {
        var isDraining = false
        /// The subscriptions, by their number, that deliver nothing more.
        var ended: Set<Int> = []
        var report = RPCDrainReport()
        var isOver = false
    }

    /// Whether the shutdown has begun.
    var isDraining: Bool {
        drain.withLock { $0.isDraining }
    }

    /// How many requests it has begun with.
    var requestsTaken: UInt64 { tasks.startedCount }

    /// Whether all its handlers are at work.
    var isBusy: Bool { tasks.isFull }

    /// What became of the requests that had been taken when the shutdown began; `nil` until ``run()`` has ended.
    public var drainReport: RPCDrainReport? {
        drain.withLock { $0.isOver ? $0.report : nil }
    }

    /// - Parameters:
    ///   - connection: what it serves on; somebody else runs it.
    ///   - name: the server's own name, usually the host's.
    public init(
        _ connection: MessageQueueConnection,
        topic: Topic,
        name: String,
        router: RPCRouter,
        configuration: RPCServerConfiguration = RPCServerConfiguration(),
        logger: Logger
    ) {
        precondition(configuration.maximumConcurrency >= 1, "A server's maximumConcurrency is at least 1.")
        self.connection = connection
        self.topic = topic
        self.name = name
        self.configuration = configuration
        var logger = logger
        logger[metadataKey: "rpc.topic"] = "\(topic)"
        logger[metadataKey: "rpc.server"] = "\(name)"
        self.logger = logger
        tasks = HandlerTasks(configuration.maximumConcurrency, executor: configuration.executor) { [drain] in
            drain.withLock { if $0.isDraining { $0.report.finished += 1 } }
        }
        handling = RPCRequestHandling(
            connection: connection, topic: topic, server: name, router: router, configuration: configuration,
            logger: logger)
    }

    /// Serves until graceful shutdown, which takes nothing new, lets what runs finish and answer, and gives the rest
    /// back; or until cancelled, which cancels the handlers too. Called once.
    ///
    /// Waits for the connection as long as it takes, or until shutdown. Throws a ``SwitchboardCore/TransportError`` when
    /// a subscription cannot be made or is lost for good.
    public func run() async throws {
        do {
            try await withTaskCancellationHandler {
                try await cancelWhenGracefulShutdown { try await self.listen() }
            } onCancel: {
                tasks.cancelAll()
            }
        } catch {
            phase.enter(.ended, reason: "\(error)")
            throw error
        }
        phase.enter(.ended)
        let report = drain.withLock { drain in
            drain.isOver = true
            return drain.report
        }
        logger.info(
            "RPC server stopped",
            metadata: ["rpc.drain.finished": "\(report.finished)", "rpc.drain.requeued": "\(report.requeued)"])
    }

    /// Receives until shutdown, which may come before there is a connection.
    private func listen() async throws {
        do {
            try await receive()
        } catch {
            // Shutdown, in whatever words; what was delivered is settled or has gone back.
            guard Task.isCancelled else { throw error }
        }
    }

    /// Takes the requests of the three subscriptions. When cancelled, takes nothing more, but keeps the subscriptions until
    /// what runs has been settled.
    private func receive() async throws {
        let options = SubscriptionOptions(prefetch: configuration.maximumConcurrency)
        let transport = connection.transport
        try await transport.withSubscription(to: .topic(topic), options: options) { anyServer in
            try await transport.withSubscription(to: .server(topic, server: name), options: options) { thisServer in
                try await transport.withSubscription(to: .fanout(topic), options: options) { everyServer in
                    phase.enter(.serving)
                    logger.info("RPC server listens")
                    let result = await Result.catching {
                        try await withTaskCancellationHandler {
                            try await serve([anyServer, thisServer, everyServer])
                        } onCancel: {
                            beginDraining()
                        }
                    }
                    beginDraining()
                    await tasks.waitUntilIdle()
                    try result.get()
                }
            }
        }
    }

    private func beginDraining() {
        phase.enter(.stopping)
        drain.withLock { $0.isDraining = true }
    }

    private func serve(_ subscriptions: [Deliveries]) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, deliveries) in subscriptions.enumerated() {
                group.addTask { try await self.take(from: deliveries, number) }
            }
            do {
                try await group.waitForAll()
            } catch is CancellationError {
                // Shutdown; what was delivered is settled or goes back.
            }
        }
    }

    /// Has the requests of one subscription begun. When cancelled, gives back at once what was delivered and has not
    /// begun: the slowest handler may go on for long.
    private func take(from deliveries: Deliveries, _ number: Int) async throws {
        try await withTaskCancellationHandler {
            try await deliveries.receive { self.begin($0, of: deliveries, number) }
        } onCancel: {
            // The handler inside comes first: the deliveries have ended, and what goes back does not come again here.
            drain.withLock { drain in
                drain.isDraining = true
                drain.ended.insert(number)
            }
            // What waited for room is offered once more. In a task of its own, as it takes the driver's locks: who holds
            // one may be resuming a task, which waits until nobody cancels it any more.
            Task { deliveries.resume() }
        }
    }

    private enum Standing {
        case open, ending, ended
    }

    /// How a subscription stands that has just delivered. Counts what goes back as it has ended.
    private func standing(of number: Int) -> Standing {
        drain.withLock { drain in
            guard drain.isDraining else { return .open }
            guard drain.ended.contains(number) else { return .ending }
            drain.report.requeued += 1
            return .ended
        }
    }

    /// Has a request handled, in a task of its own: shutdown ends the subscriptions' tasks, and not what runs.
    ///
    /// - Returns: whether it was taken; else the deliveries go on when there is room for one.
    private func begin(_ delivery: Delivery, of deliveries: Deliveries, _ number: Int) -> Bool {
        switch standing(of: number) {
        case .open:
            return tasks.start(orLater: { deliveries.resume() }) { await self.handling.handle(delivery, in: $0) }
        case .ending:
            // Given back now, it might come again. It is offered once more when the subscription has ended.
            return false
        case .ended:
            delivery.settleInBackground(.release)
            return true
        }
    }
}

extension Result where Failure == any Error {
    /// The outcome of an asynchronous operation.
    fileprivate static func catching(_ operation: () async throws -> Success) async -> Result {
        do { return .success(try await operation()) } catch { return .failure(error) }
    }
}
