internal import Logging
internal import SwitchboardCore

/// What exists while a driver runs: the open spool, the writers' threads and the receiving side.
///
/// The spool is opened again when its directory was removed, renamed or replaced; the rest stays, and subscriptions wait.
final class SpoolSession: Sendable {
    /// A spool as it was opened once.
    private struct Opened {
        let store: SpoolStore
        let publisher: Publisher

        func close() {
            publisher.close()
            store.owner.leave()
        }
    }

    private enum State {
        case open(Opened)
        case lost(FileError)
        case closed
    }

    let receiver: Receiver
    /// Why the spool was lost, each time.
    let losses: AsyncStream<FileError>
    private let configuration: SpoolConfiguration
    private let operations: any FileOperations
    private let monitor: TransportMonitor
    private let logger: Logger
    private let writers: WorkerThreads
    private let thread: SpoolThread
    private let inFlight: InFlight
    private let state: Locked<State>
    /// What spools that are made in its place are to be.
    let layout: SpoolConfiguration.Layout

    private init(_ store: SpoolStore, _ parts: Parts, _ receiver: Receiver, _ losses: AsyncStream<FileError>) {
        self.receiver = receiver
        self.losses = losses
        configuration = store.configuration
        operations = store.operations
        layout = store.layout
        monitor = parts.monitor
        logger = parts.logger
        writers = parts.writers
        thread = parts.thread
        inFlight = parts.inFlight
        let writers = writers
        state = Locked(.open(Opened(store: store, publisher: Publisher(store) { writers.submit($0) })))
    }

    /// The receiver belongs to the session, and must not hold it in turn.
    private struct Reference {
        weak var session: SpoolSession?
    }

    private struct Parts {
        let writers: WorkerThreads
        let thread: SpoolThread
        let inFlight: InFlight
        let monitor: TransportMonitor
        let logger: Logger
    }

    /// - Parameter suspend: called when the spool is lost, before that is among ``losses``.
    static func open(
        _ configuration: SpoolConfiguration, operations: any FileOperations, inFlight: InFlight,
        monitor: TransportMonitor, logger: Logger, suspend: @escaping @Sendable (FileError) -> Void
    ) async throws(TransportError) -> SpoolSession {
        let writers = WorkerThreads(count: configuration.writers)
        do throws(TransportError) {
            let store = try await openStore(configuration, nil, operations, writers, monitor, logger)
            do throws(FileError) {
                let thread = try SpoolThread()
                let inotify = Inotify()
                let (losses, continuation) = AsyncStream.makeStream(
                    of: FileError.self, bufferingPolicy: .bufferingNewest(1))
                let session = Locked(Reference())
                let receiver = Receiver(
                    store, thread: thread, inotify: inotify, logger: logger,
                    onLoss: { store, defect in
                        guard session.withLock({ $0.session })?.lose(store, defect) == true else { return }
                        suspend(defect)
                        continuation.yield(defect)
                    },
                    expirePublishes: { inFlight.expire() })
                let parts = Parts(
                    writers: writers, thread: thread, inFlight: inFlight, monitor: monitor, logger: logger)
                let opened = SpoolSession(store, parts, receiver, losses)
                session.withLock { $0.session = opened }
                thread.start(watching: inotify?.descriptor)
                inFlight.attach(thread)
                do throws(FileError) {
                    try await receiver.start()
                } catch {
                    await thread.stop()
                    throw error
                }
                return opened
            } catch {
                store.owner.leave()
                throw error.transportError(
                    "The spool \(configuration.directory) cannot be opened", at: configuration.directory)
            }
        } catch {
            await writers.stop()
            throw error
        }
    }

    private static func openStore(
        _ configuration: SpoolConfiguration, _ layout: SpoolConfiguration.Layout?, _ operations: any FileOperations,
        _ writers: WorkerThreads, _ monitor: TransportMonitor, _ logger: Logger
    ) async throws(TransportError) -> SpoolStore {
        let opening = await writers.run { () -> Result<SpoolStore, TransportError> in
            Result { () throws(TransportError) in
                try SpoolStore(
                    configuration, for: .use(preferring: layout), operations: operations, logger: logger
                ) { reason in
                    logger.error(
                        "The spool's disk fails; it takes no more messages", metadata: ["error": "\(reason)"])
                    monitor.report(.blocked(reason: reason))
                }
            }
        }
        guard let store = try opening?.get() else {
            throw TransportError(.closed, "The spool was closed while it was being opened.")
        }
        return store
    }

    func close(_ error: TransportError) async {
        await receiver.stop(error)
        await writers.stop()
        let last = state.withLock { state in
            defer { state = .closed }
            return state
        }
        if case .open(let opened) = last { opened.close() }
        await thread.stop()
    }

    // MARK: A spool that is lost

    /// Whether this is news.
    private func lose(_ store: SpoolStore, _ defect: FileError) -> Bool {
        let lost: Opened? = state.withLock { state in
            guard case .open(let opened) = state, opened.store === store else { return nil }
            state = .lost(defect)
            return opened
        }
        lost?.close()
        return lost != nil
    }

    /// Has the receiving side look whether the spool is lost, as something was not in its place.
    func checkPlaces() async {
        guard case .open(let opened) = state.withLock({ $0 }) else { return }
        await receiver.checkPlaces(of: opened.store)
    }

    /// Opens the spool again, and makes it where it was removed.
    func reopen() async throws(TransportError) {
        let store = try await Self.openStore(configuration, layout, operations, writers, monitor, logger)
        do throws(FileError) {
            let opened = Opened(store: store, publisher: Publisher(store) { [writers] in writers.submit($0) })
            state.withLock { $0 = .open(opened) }
            try await receiver.adopt(store)
        } catch {
            state.withLock { $0 = .lost(error) }
            store.owner.leave()
            throw error.transportError(
                "The spool \(configuration.directory) cannot be opened again", at: configuration.directory)
        }
    }

    // MARK: Publishing

    /// Has a message written: by one of the writers' threads when that syncs for this one, else here, which spares two
    /// changes of threads.
    func write(
        _ message: Message, to address: Address, mandatory: Bool, deadline: ContinuousClock.Instant
    ) async -> PublishOperation.Outcome {
        let opened: Opened
        switch state.withLock({ $0 }) {
        case .open(let current): opened = current
        case .lost(let defect):
            return .moved(defect.transportError("A message to \(address) was not written to the spool"))
        case .closed: return .failed(Self.closed)
        }
        let operation = PublishOperation(to: address, deadline: deadline)
        guard let id = inFlight.add(operation) else {
            return .failed(
                TransportError(
                    .exhausted,
                    "\(InFlight.limit) messages are waiting for the spool's writers already; try again later."))
        }
        defer { inFlight.remove(id) }
        return await withTaskCancellationHandler {
            await operation.outcome { start(message, mandatory: mandatory, operation, opened) }
        } onCancel: {
            operation.cancel()
        }
    }

    private static let closed = TransportError(.closed, "The spool was closed: its run has ended.")

    private func start(_ message: Message, mandatory: Bool, _ operation: PublishOperation, _ opened: Opened) {
        let publisher = opened.publisher
        var isLeft = true
        if publisher.canBeQuick {
            writers.perform(waitsAfter: opened.store.isDurable) {
                isLeft = !publisher.publish(message, mandatory: mandatory, operation, isQuick: true)
            }
        }
        guard isLeft else { return }
        let isTaken = writers.submit { _ = publisher.publish(message, mandatory: mandatory, operation) }
        if !isTaken { operation.finish(.failed(Self.closed)) }
    }
}
