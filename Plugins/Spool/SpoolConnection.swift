internal import Logging
internal import SwitchboardCore

/// A spool as it was opened once, with the writers' threads and the receiving side.
///
/// Ends when its directory is removed, renamed or replaced: publishes that have begun find out what becomes of them
/// first, then the connection is lost.
///
///     open ──out of place──▶ losing ──nothing under way──▶ over
///       └──────────────────────────────close()──────────────▲
final class SpoolConnection: DriverConnection {
    private enum Phase {
        case open
        case losing(FileError)
        case over
    }

    private struct State {
        var phase = Phase.open
        /// How many publishes are with a thread.
        var underWay = 0

        /// The reason, once, when the connection is to be given up.
        mutating func takeLoss() -> FileError? {
            guard underWay == 0, case .losing(let defect) = phase else { return nil }
            phase = .over
            return defect
        }
    }

    let store: SpoolStore
    private let publisher: Publisher
    private let writers: WorkerThreads
    private let thread: SpoolThread
    private let receiver: Receiver
    private let waiters = RoomWaiters()
    private let signals: ConnectionSignals
    private let logger: Logger
    private let state = Locked(State())

    private init(
        _ store: SpoolStore, _ writers: WorkerThreads, _ thread: SpoolThread, _ signals: ConnectionSignals,
        _ logger: Logger
    ) {
        self.store = store
        self.writers = writers
        self.thread = thread
        self.signals = signals
        self.logger = logger
        publisher = Publisher(store) { writers.submit($0) }
        receiver = Receiver(store, thread: thread, inotify: Inotify(), signals: signals, logger: logger)
    }

    // MARK: Life

    /// Opens the spool, or creates it if it doesn't exist.
    ///
    /// - Parameter layout: that of a spool that is made, if the configuration names none.
    static func open(
        _ configuration: SpoolConfiguration, preferring layout: SpoolConfiguration.Layout?,
        operations: any FileOperations, signals: ConnectionSignals, logger: Logger
    ) async throws(TransportError) -> SpoolConnection {
        let writers = WorkerThreads(count: configuration.writers)
        do throws(TransportError) {
            let opening = await writers.run { () -> Result<SpoolStore, TransportError> in
                Result { () throws(TransportError) in
                    try SpoolStore(
                        configuration, for: .use(preferring: layout), operations: operations, logger: logger
                    ) { error in
                        logger.error(
                            "The spool's disk fails; it takes no more messages", metadata: ["error": "\(error)"])
                        signals.send(.broken(error))
                    }
                }
            }
            guard let store = try opening?.get() else {
                throw TransportError(.closed, "The spool was closed while it was being opened.")
            }
            do throws(FileError) {
                let thread = try SpoolThread()
                let connection = SpoolConnection(store, writers, thread, signals, logger)
                thread.start(watching: connection.receiver.inotify?.descriptor)
                do throws(FileError) {
                    try await connection.receiver.start(for: connection)
                } catch {
                    await thread.stop()
                    throw error
                }
                return connection
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

    func close() async {
        state.withLock { $0.phase = .over }
        waiters.removeAll()
        await receiver.stop()
        await writers.stop()
        publisher.close()
        store.owner.leave()
        await thread.stop()
    }

    /// The spool isn't where its path leads any more.
    func lose(_ defect: FileError) {
        let (isNews, loss) = state.withLock { state -> (Bool, FileError?) in
            guard case .open = state.phase else { return (false, nil) }
            state.phase = .losing(defect)
            return (true, state.takeLoss())
        }
        guard isNews else { return }
        waiters.removeAll()
        logger.warning(
            "Spool lost; it is opened again",
            metadata: ["spool.directory": "\(store.configuration.directory)", "error": "\(defect)"])
        if let loss { signals.lost("\(loss)") }
    }

    // MARK: Subscribing

    func subscribe(_ subscription: Subscription) {
        thread.call { [receiver] in receiver.assumeIsolated { $0.subscribe(subscription) } }
    }

    func unsubscribe(_ subscription: Subscription) {
        thread.call { [receiver] in receiver.assumeIsolated { $0.unsubscribe(subscription) } }
    }

    // MARK: Publishing

    /// How many publishes threads may have at a time.
    private static let mostUnderWay = 16_384
    /// How often a publish is tried again because what it was to be written to was out of place.
    private static let mostMoves = 16

    private static let waitsForWriters = TransportError(
        .unavailable, "The message was not written: it waits for the spool's writers")

    private enum Entry {
        case entered
        case crowded
        case ended
    }

    private func enter() -> Entry {
        state.withLock { state in
            guard case .open = state.phase else { return .ended }
            guard state.underWay < Self.mostUnderWay else { return .crowded }
            state.underWay += 1
            return .entered
        }
    }

    private func leave() {
        let loss = state.withLock { state in
            state.underWay -= 1
            return state.takeLoss()
        }
        if let loss { signals.lost("\(loss)") }
    }

    /// Has a message written: by one of the writers' threads when that syncs for this one, else here, which spares two
    /// changes of threads.
    func publish(_ publish: Publish) {
        switch enter() {
        case .entered: break
        case .ended:
            // Goes back as soon as the loss is told.
            return publish.hold(
                TransportError(.unavailable, "The spool \(store.root.path) is not where it was opened"))
        case .crowded:
            return publish.finish(
                .failed(
                    TransportError(
                        .exhausted,
                        "\(Self.mostUnderWay) messages are waiting for the spool's writers already; try again later."))
            )
        }
        if let full = waiters.join(publish) {
            hold(publish, full)
            return leave()
        }
        var attempt = Attempt.left
        if publisher.canBeQuick {
            writers.perform(waitsAfter: store.isDurable) { attempt = self.attempt(publish, isQuick: true) }
        }
        if case .left = attempt {
            publish.hold(Self.waitsForWriters)
            let isTaken = writers.submit { self.wait(for: self.attempt(publish, isQuick: false), publish) }
            // The connection is being closed, which has the publish taken back.
            if !isTaken { leave() }
            return
        }
        wait(for: attempt, publish)
    }

    /// What an attempt comes to at first.
    private enum Attempt {
        /// The publish has ended, or will.
        case taken
        /// It takes longer than the calling thread has.
        case left
        case full(Queue)
    }

    private func attempt(_ publish: Publish, isQuick: Bool) -> Attempt {
        let operation = PublishOperation(publish) { self.conclude(publish, $0) }
        return switch publisher.publish(operation, isQuick: isQuick) {
        case .taken: .taken
        case .tooLong: .left
        case .full(let queue): .full(queue)
        }
    }

    private func conclude(_ publish: Publish, _ outcome: PublishOperation.Outcome) {
        switch outcome {
        case .done: publish.finish(.accepted)
        case .abandoned: break
        case .failed(let error): publish.finish(.failed(error))
        case .moved(let error): return moved(publish, error)
        }
        leave()
    }

    /// Not written, so it may be tried again: in a queue or a spool that is opened again.
    private func moved(_ publish: Publish, _ error: TransportError) {
        let moves = (publish.memory as? Moves)?.count ?? 0
        guard moves < Self.mostMoves else {
            publish.finish(.failed(error))
            return leave()
        }
        publish.memory = Moves(count: moves + 1)
        thread.call { [self] in
            receiver.assumeIsolated { $0.checkPlacesNow() }
            publish.finish(.again(wasSent: false, otherwise: error))
            leave()
        }
    }

    private final class Moves: Sendable {
        let count: Int

        init(count: Int) { self.count = count }
    }

    // MARK: Room

    private func hold(_ publish: Publish, _ full: Queue) {
        publish.hold(
            TransportError(
                .exhausted,
                "The queue \(full.name) of the spool \(store.configuration.directory) is full "
                    + "(\(full.counters.load(.messages)) messages, \(full.counters.load(.bytes)) bytes), and nothing left "
                    + "it in time; consume, or raise max_messages or max_bytes"))
    }

    /// Lets a publish wait that has met a full queue.
    private func wait(for attempt: Attempt, _ publish: Publish) {
        guard case .full(let queue) = attempt else { return }
        hold(publish, queue)
        if waiters.add(publish, for: queue) { report(queue) }
        leave()
    }

    /// Whatever left between the attempt and the watch must not be waited for: it is reported at first as well.
    private func report(_ queue: Queue) {
        thread.call { [receiver] in receiver.assumeIsolated { $0.reportRoom(of: queue) } }
    }

    /// Something may have left the queue.
    ///
    /// - Returns: `false` if no publish waits for that.
    func noteRoom(in queue: QueueName) -> Bool {
        let due = waiters.beginTrying(queue)
        for address in due.addresses { _ = writers.submit { self.tryAgain(address) } }
        return due.isAwaited
    }

    /// Publishes what waits, in order, until a queue is full again.
    private func tryAgain(_ address: Address) {
        while let publish = waiters.takeFirst(for: address) {
            guard case .entered = enter() else { return }
            var attempt = publisher.canBeQuick ? self.attempt(publish, isQuick: true) : .left
            if case .left = attempt { attempt = self.attempt(publish, isQuick: false) }
            guard case .full(let queue) = attempt else { continue }
            hold(publish, queue)
            leave()
            switch waiters.putBack(publish, queue) {
            case .wait: return
            case .watch: return report(queue)
            case .tryAgain: continue
            }
        }
    }
}
