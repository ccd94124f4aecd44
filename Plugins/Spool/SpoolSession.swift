internal import Logging
internal import SwitchboardCore

/// What exists while a driver runs: the open spool, the writers' threads and the receiving side.
final class SpoolSession: Sendable {
    let store: SpoolStore
    let receiver: Receiver
    private let publisher: Publisher
    private let writers: WorkerThreads
    private let thread: SpoolThread
    private let inFlight: InFlight

    private init(
        store: SpoolStore, receiver: Receiver, writers: WorkerThreads, thread: SpoolThread, inFlight: InFlight
    ) {
        self.store = store
        self.receiver = receiver
        self.publisher = Publisher(store) { writers.submit($0) }
        self.writers = writers
        self.thread = thread
        self.inFlight = inFlight
    }

    static func open(
        _ configuration: SpoolConfiguration, operations: any FileOperations, inFlight: InFlight,
        monitor: TransportMonitor, logger: Logger
    ) async throws(TransportError) -> SpoolSession {
        let writers = WorkerThreads(count: configuration.writers)
        let opening = await writers.run { () -> Result<SpoolStore, TransportError> in
            Result { () throws(TransportError) in
                try SpoolStore(configuration, operations: operations, logger: logger) { reason in
                    logger.error(
                        "The spool's disk fails; it takes no more messages", metadata: ["error": "\(reason)"])
                    monitor.report(.blocked(reason: reason))
                }
            }
        }
        do throws(TransportError) {
            guard let store = try opening?.get() else {
                throw TransportError(.closed, "The spool was closed while it was being opened.")
            }
            do throws(FileError) {
                let thread = try SpoolThread()
                let inotify = Inotify()
                let receiver = Receiver(store, thread: thread, inotify: inotify, logger: logger) { inFlight.expire() }
                let session = SpoolSession(
                    store: store, receiver: receiver, writers: writers, thread: thread, inFlight: inFlight)
                thread.start(watching: inotify?.descriptor)
                inFlight.attach(thread)
                do throws(FileError) {
                    try await receiver.start()
                } catch {
                    await thread.stop()
                    throw error
                }
                return session
            } catch {
                store.owner.leave()
                throw error.transportError("The spool \(configuration.directory) cannot be opened")
            }
        } catch {
            await writers.stop()
            throw error
        }
    }

    func close(_ error: TransportError) async {
        await receiver.stop(error)
        await writers.stop()
        publisher.close()
        await thread.stop()
        store.owner.leave()
    }

    /// Has a message written: by one of the writers' threads when that syncs for this one, else here, which spares two
    /// changes of threads.
    func write(
        _ message: Message, to address: Address, mandatory: Bool, deadline: ContinuousClock.Instant
    ) async -> PublishOperation.Outcome {
        let operation = PublishOperation(to: address, deadline: deadline)
        guard let id = inFlight.add(operation) else {
            return .failed(
                TransportError(
                    .exhausted,
                    "\(InFlight.limit) messages are waiting for the spool's writers already; try again later."))
        }
        defer { inFlight.remove(id) }
        return await withTaskCancellationHandler {
            await operation.outcome { start(message, mandatory: mandatory, operation) }
        } onCancel: {
            operation.cancel()
        }
    }

    private func start(_ message: Message, mandatory: Bool, _ operation: PublishOperation) {
        let publisher = publisher
        var isLeft = true
        if publisher.canBeQuick {
            writers.perform(waitsAfter: store.isDurable) {
                isLeft = !publisher.publish(message, mandatory: mandatory, operation, isQuick: true)
            }
        }
        guard isLeft else { return }
        let isTaken = writers.submit { _ = publisher.publish(message, mandatory: mandatory, operation) }
        if !isTaken {
            operation.finish(.failed(TransportError(.closed, "The spool was closed: its run has ended.")))
        }
    }
}

/// The publishes on their way, and their deadlines: one timer for all.
final class InFlight: Sendable {
    static let limit = 16_384

    private struct State {
        var operations: [UInt64: PublishOperation] = [:]
        var nextID: UInt64 = 0
        var earliest: ContinuousClock.Instant?
        var thread: SpoolThread?
    }

    private let state = Locked(State())

    func attach(_ thread: SpoolThread) {
        state.withLock { $0.thread = thread }
    }

    /// `nil` when there are too many.
    func add(_ operation: PublishOperation) -> UInt64? {
        let (id, alarm): (UInt64?, SpoolThread?) = state.withLock { state in
            guard state.operations.count < Self.limit else { return (nil, nil) }
            state.nextID += 1
            state.operations[state.nextID] = operation
            if let earliest = state.earliest, earliest <= operation.deadline { return (state.nextID, nil) }
            state.earliest = operation.deadline
            return (state.nextID, state.thread)
        }
        alarm?.wake(at: operation.deadline)
        return id
    }

    func remove(_ id: UInt64) {
        _ = state.withLock { $0.operations.removeValue(forKey: id) }
    }

    /// Gives up what is over its deadline. The next deadline there is.
    func expire() -> ContinuousClock.Instant? {
        let now = ContinuousClock.Instant.now
        let (overdue, next): ([PublishOperation], ContinuousClock.Instant?) = state.withLock { state in
            guard let earliest = state.earliest else { return ([], nil) }
            if earliest > now { return ([], earliest) }
            let overdue = state.operations.values.filter { $0.deadline <= now }
            state.earliest = state.operations.values.map(\.deadline).filter { $0 > now }.min()
            return (overdue, state.earliest)
        }
        for operation in overdue { operation.expire() }
        return next
    }
}
