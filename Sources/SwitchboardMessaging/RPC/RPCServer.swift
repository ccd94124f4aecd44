public import Logging
public import ServiceLifecycle
public import SwitchboardCore

/// The settings of an ``RPCServer``.
public struct RPCServerConfiguration: Sendable {
    /// When a server acknowledges a request to the queue.
    public enum Acknowledgement: Sendable, Hashable {
        /// Before the handler runs, as in oslo.messaging. A crash loses the requests that the server had taken. One
        /// server never executes a request twice, but if a connection is lost, another server may execute it again
        /// (<doc:ExecutedHowOften>).
        case atMostOnce
        /// After the handler has run and its reply has been sent. A crash repeats the requests that the server had
        /// taken.
        case atLeastOnce
    }

    /// How many requests the server handles at a time. The rest stay in the queue.
    public var maximumConcurrency = 64

    public var acknowledgement = Acknowledgement.atMostOnce

    /// Whether to execute a redelivered request that must never be executed twice (``RPCClient/neverTwice``).
    ///
    /// A Switchboard server starts such a request only when the queue certainly won't deliver it again. So if it is
    /// redelivered, no Switchboard server has executed it. Turn this off if other servers take requests from the same
    /// topic, oslo.messaging's or those of a Switchboard version without this feature. The caller then gets
    /// ``RPCError/Code/indeterminate``.
    public var executesRedelivered = true

    /// How many ids of past requests the server keeps, to recognize duplicates.
    public var duplicateWindow = 4096

    /// How long the server keeps the id of a past request.
    public var duplicateLifetime: Duration = .seconds(600)

    /// How long the server retries a reply whose mailbox is gone, before it drops the reply.
    public var replyRetryDuration: Duration = .seconds(10)

    /// The executor that runs the handlers; `nil` means Swift's thread pool.
    ///
    /// `Transport.taskExecutor` runs them on the thread where their requests arrive, which is faster
    /// for handlers that do little: see <doc:Performance>. Such a handler must never block its thread.
    public var executor: (any TaskExecutor)?

    /// The middleware that every request passes through before its handler; the first is outermost.
    public var middleware: [any RPCServerMiddleware] = []

    public init() {}
}

/// Serves the RPC requests of one topic: those for any of its servers, those for this server, and fanouts.
public final class RPCServer: Service {
    public let topic: Topic
    /// The server's own name, to which requests can be addressed.
    public let name: String
    public let configuration: RPCServerConfiguration

    /// The connection that it serves on.
    public let connection: MessageQueueConnection
    private let handling: RPCRequestHandling
    private let tasks: HandlerTasks
    private let logger: Logger
    let life = ServiceLife()
    /// What its health checks have found out.
    let hearing = Hearing()

    /// Whether the shutdown has begun.
    var isDraining: Bool {
        life.isStopping
    }

    /// How many requests it has begun with.
    var requestsTaken: UInt64 { tasks.startedCount }

    /// Whether all its handlers are at work.
    var isBusy: Bool { tasks.isFull }

    /// What happened to the requests that had been taken when the shutdown began; `nil` until ``run()`` has ended.
    public var drainReport: RPCDrainReport? {
        life.report
    }

    /// Creates a server on a connection that you run yourself. `name` is the server's own name, which requests can be
    /// sent to: the host's name by default.
    public init(
        _ connection: MessageQueueConnection,
        topic: Topic,
        name: String = RPCServer.defaultName,
        router: RPCRouter,
        configuration: RPCServerConfiguration = RPCServerConfiguration(),
        logger: Logger = Logger(label: "switchboard")
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
        tasks = HandlerTasks(configuration.maximumConcurrency, executor: configuration.executor) { [life] in
            life.workFinished()
        }
        handling = RPCRequestHandling(
            connection: connection, topic: topic, server: name, router: router, configuration: configuration,
            logger: logger)
    }

    /// Returns once the server serves: a request that is sent from then on is taken, a fanout too.
    ///
    /// - Throws: a `TransportError`: `unavailable` when the server doesn't serve within `timeout`, what
    ///   ended ``run()``, or `closed` once the server has stopped.
    public func waitUntilServing(timeout: Duration = .seconds(30)) async throws {
        try await life.waitUntilServing(on: connection, until: .now + timeout) { [topic, name, connection] in
            TransportError(
                .unavailable,
                "The server \(name) of \(topic) did not serve within \(timeout); the connection is "
                    + "\(connection.transport.state).")
        }
    }

    /// Serves until graceful shutdown or cancellation. Called once.
    ///
    /// On graceful shutdown the server stops taking requests, lets running handlers finish and reply, and returns the
    /// rest to the queue. Cancellation also cancels the handlers. Waits for the connection for as long as it takes.
    /// Throws a `TransportError` if a subscription can't be made, or is lost for good.
    public func run() async throws {
        do {
            try await withTaskCancellationHandler {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { await self.tasks.keepWorkers() }
                    defer { group.cancelAll() }
                    try await cancelWhenGracefulShutdown { try await self.listen() }
                }
            } onCancel: {
                tasks.cancelAll()
            }
        } catch {
            life.fail(error)
            throw error
        }
        life.end(TransportError(.closed, "The server \(name) of \(topic) has stopped."))
        let report = life.report ?? RPCDrainReport()
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
                    logger.info("RPC server listens")
                    life.serve()
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
        life.stop(TransportError(.closed, "The server \(name) of \(topic) is shutting down."))
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
            let onRoom: @Sendable () -> Void = { deliveries.resume() }
            try await deliveries.receive { self.begin($0, number, onRoom: onRoom) }
        } onCancel: {
            // The handler inside comes first: the deliveries have ended, and what goes back does not come again here.
            life.subscriptionEnded(number)
            // What waited for room is offered once more. In a task of its own, as it takes the driver's locks: who holds
            // one may be resuming a task, which waits until nobody cancels it any more.
            Task { deliveries.resume() }
        }
    }

    /// Has a request handled, in a task apart: shutdown ends the subscriptions' tasks, and not what runs.
    ///
    /// - Parameter onRoom: called when there is room again, if there is none now.
    /// - Returns: whether it was taken; else the deliveries go on when there is room for one.
    private func begin(_ delivery: Delivery, _ number: Int, onRoom: @escaping @Sendable () -> Void) -> Bool {
        switch life.verdict(on: number) {
        case .handle:
            return tasks.start(orLater: onRoom) { permit in
                await self.handling.handle(delivery, holding: permit)
            }
        case .wait: return false
        case .giveBack:
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
