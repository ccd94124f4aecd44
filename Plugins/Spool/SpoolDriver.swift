public import Logging
public import SwitchboardCore

/// A directory as a message queue: processes on one host communicate through files, without a broker.
///
/// A message that `publish` has accepted is on the disk. A message that a dead process was handling goes back to its
/// queue at once. The article <doc:Format> describes the layouts and the rules after a crash.
public final class SpoolDriver: TransportDriver {
    public let configuration: SpoolConfiguration
    public let monitor = TransportMonitor()

    private let operations: any FileOperations
    private let logger: Logger
    private let gate = Gate()
    private let inFlight = InFlight()

    /// Creates the driver for a `spool:` URL, without touching any file. Throws for an invalid URL or option.
    public convenience init(_ url: TransportURL, logger: Logger) throws(TransportError) {
        self.init(configuration: try SpoolConfiguration(url), logger: logger)
    }

    public convenience init(configuration: SpoolConfiguration, logger: Logger) {
        self.init(configuration: configuration, operations: SystemFileOperations(), logger: logger)
    }

    package init(configuration: SpoolConfiguration, operations: any FileOperations, logger: Logger) {
        self.configuration = configuration
        self.operations = operations
        self.logger = logger
    }

    public var capabilities: DriverCapabilities {
        [
            .interprocess, .durable, .redelivery, .ordered, .detectsUnroutable, .expires, .deadLetters, .boundedQueues,
            .ephemeralFanouts, .countsAttempts, .limitsAttempts,
        ]
    }

    /// Opens the spool and runs until cancelled. Throws `refused` for a directory that isn't safe or doesn't exist, and
    /// `conflict` for one with another layout.
    ///
    /// If the directory is removed, renamed or replaced later, the state is `connecting` with the reason, until the
    /// spool has been opened again, or created if it doesn't exist. Publishers and subscriptions wait for that.
    public func run() async throws {
        monitor.report(.connecting(attempt: 1, reason: nil))
        let session: SpoolSession
        do throws(TransportError) {
            session = try await SpoolSession.open(
                configuration, operations: operations, inFlight: inFlight, monitor: monitor, logger: logger
            ) { [gate, monitor, logger, configuration] defect in
                gate.suspend()
                logger.warning(
                    "Spool lost; it is opened again",
                    metadata: ["spool.directory": "\(configuration.directory)", "error": "\(defect)"])
                monitor.report(.connecting(attempt: 1, reason: "\(defect)"))
            }
        } catch {
            gate.close(error)
            throw error
        }
        monitor.report(.ready)
        gate.open(session)
        logger.info(
            "Spool opened",
            metadata: ["spool.directory": "\(configuration.directory)", "spool.layout": "\(session.layout)"])
        // Ends when the task is cancelled.
        for await _ in session.losses { await reopen(session) }
        let closed = TransportError(.closed, "The spool \(configuration.directory) was closed: its run has ended.")
        gate.close(closed)
        await session.close(closed)
    }

    /// Tries until the spool is open again or the task is cancelled.
    private func reopen(_ session: SpoolSession) async {
        var attempt = 1
        var pause = Duration.milliseconds(100)
        while !Task.isCancelled {
            do throws(TransportError) {
                try await session.reopen()
                monitor.report(.ready)
                gate.open(session)
                logger.info("Spool opened again", metadata: ["spool.directory": "\(configuration.directory)"])
                return
            } catch {
                attempt += 1
                monitor.report(.connecting(attempt: attempt, reason: error.message))
            }
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(2))
        }
    }

    /// Returns when the spool is open and what dead processes held has been given back.
    package func opened() async throws(TransportError) {
        _ = try await gate.session(until: nil, for: "Work in the spool", monitor)
    }

    public func publish(
        _ message: Message, to address: Address, options: PublishOptions
    ) async throws(TransportError) {
        let deadline = options.deadline
        var moves = 0
        while true {
            let session = try await gate.session(until: options.deadline, for: "A message to \(address)", monitor)
            switch await session.write(message, to: address, mandatory: options.mandatory, deadline: deadline) {
            case .done: return
            case .failed(let error): throw error
            case .moved(let error):
                // Not written, so it may be tried again: in a queue that is found anew, or in a spool that is.
                moves += 1
                guard moves < 16, ContinuousClock.now < deadline else { throw error }
                await session.checkPlaces()
            case .full(let queue):
                try await waitForRoom(in: queue, session, message, address, options)
                return
            }
        }
    }

    /// Tries again whenever something has left the queue.
    private func waitForRoom(
        in full: Queue, _ session: SpoolSession, _ message: Message, _ address: Address, _ options: PublishOptions
    ) async throws(TransportError) {
        let (id, reports) = await session.receiver.spaceReports(of: full, until: options.deadline)
        let outcome = await retry(reports, session, message, address, options)
        await session.receiver.endSpaceReports(id)
        if let outcome {
            if let error = outcome.error { throw error }
            return
        }
        if Task.isCancelled {
            throw TransportError(.cancelled, "The task was cancelled while a message to \(address) waited for room.")
        }
        if let closed = gate.closure { throw closed }
        throw TransportError(
            .exhausted,
            "The queue \(full.name) of the spool \(configuration.directory) is full "
                + "(\(full.counters.load(.messages)) messages, \(full.counters.load(.bytes)) bytes): "
                + "nothing left it before the deadline. Consume, or raise max_messages or max_bytes.")
    }

    private struct Ending {
        var error: TransportError?
    }

    /// `nil`: the reports or the time ended before there was room.
    private func retry(
        _ reports: AsyncStream<Void>, _ session: SpoolSession, _ message: Message, _ address: Address,
        _ options: PublishOptions
    ) async -> Ending? {
        for await _ in reports {
            if ContinuousClock.now >= options.deadline { return nil }
            switch await session.write(
                message, to: address, mandatory: options.mandatory, deadline: options.deadline)
            {
            case .done: return Ending()
            case .failed(let error):
                // Time that ran out during an attempt ran out because the queue was full.
                return error.code == .unavailable && ContinuousClock.now >= options.deadline
                    ? nil : Ending(error: error)
            case .moved:
                // Whoever opens the spool again says so.
                await session.checkPlaces()
                continue
            case .full: continue
            }
        }
        return nil
    }

    public func withSubscription<Result: Sendable>(
        to address: Address, options: SubscriptionOptions, _ body: (Deliveries) async throws -> Result
    ) async throws -> Result {
        try await withSubscription(to: address, options: options, isDrain: false, body)
    }

    /// A subscription whose deliveries end when the queue has nothing more to claim; what is left of their lives is on
    /// the messages.
    package func withDrain<Result: Sendable>(
        of address: Address, options: SubscriptionOptions, _ body: (Deliveries) async throws -> Result
    ) async throws -> Result {
        try await withSubscription(to: address, options: options, isDrain: true, body)
    }

    private func withSubscription<Result: Sendable>(
        to address: Address, options: SubscriptionOptions, isDrain: Bool,
        _ body: (Deliveries) async throws -> Result
    ) async throws -> Result {
        let session = try await gate.session(until: options.deadline, for: "A subscription to \(address)", monitor)
        let (id, deliveries) = try await session.receiver.open(address, options, isDrain: isDrain)
        do {
            let result = try await body(deliveries)
            await session.receiver.close(id)
            return result
        } catch {
            await session.receiver.close(id)
            throw error
        }
    }
}
