import Logging
import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging

#if RabbitMQ
    import SwitchboardRabbitMQ
#endif

/// The connections of a watch: one message queue connection for each URL, kept from sweep to sweep.
///
/// They are the watch's own, and not a ``CellContextManager``'s: that one stops sending to a cell as soon as its queue is
/// slow, and here the slow ones are what is asked for.
///
/// A connection serves two sweeps, and then a new one takes its place: a broker looks at passwords, users and permissions when
/// a connection and its channels open, and may never do so again.
final class CellConnections: Sendable {
    /// A connection, and how often it was lost.
    final class Connection: Sendable {
        let queue: MessageQueueConnection
        fileprivate let url: TransportURL
        /// The number of the sweep that it was opened in.
        fileprivate let sweep: Int
        private let (stopped, stopSource) = AsyncStream.makeStream(of: Void.self)
        private let (ended, endSource) = AsyncStream.makeStream(of: Void.self)
        private let losses = Locked(0)

        fileprivate init(
            _ url: TransportURL, sweep: Int, name: String, drivers: DriverRegistry, logger: Logger
        ) throws {
            self.url = url
            self.sweep = sweep
            queue = try MessageQueueConnection(url.leavingNothing, drivers: drivers, name: name, logger: logger)
        }

        var lossCount: Int { losses.withLock { $0 } }

        fileprivate func stop() { stopSource.finish() }

        /// Stops it, and returns when it has ended, or doesn't end in time.
        fileprivate func end(within limit: Duration) async {
            stop()
            await withTaskGroup(of: Void.self) { group in
                group.addTask { for await _ in self.ended {} }
                group.addTask { try? await Task.sleep(for: limit) }
                await group.next()
                group.cancelAll()
            }
        }

        /// Runs it until it fails or is stopped, or the task is cancelled.
        fileprivate func run() async {
            let states = queue.transport.states()
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    // What ends it, its callers are told.
                    try? await self.queue.run()
                }
                group.addTask { for await _ in self.stopped {} }
                group.addTask {
                    var wasReady = false
                    for await state in states {
                        if wasReady, case .connecting = state { self.losses.withLock { $0 += 1 } }
                        wasReady = state == .ready
                    }
                }
                await group.next()
                group.cancelAll()
            }
            endSource.finish()
        }
    }

    private struct State {
        var connections: [TransportURL: Connection] = [:]
        var sweep = 0
        /// Where the exchange of requests was there.
        var hasExchange: Set<TransportURL> = []
    }

    private static let sweepsOfConnection = 2
    private static let closeLimit = Duration.seconds(5)

    private let base: BaseURLs
    private let drivers: DriverRegistry
    private let logger: Logger
    private let state = Locked(State())
    private let starts: AsyncStream<Connection>
    private let startSource: AsyncStream<Connection>.Continuation

    init(base: BaseURLs, drivers: DriverRegistry, logger: Logger) {
        self.base = base
        self.drivers = drivers
        self.logger = logger
        (starts, startSource) = AsyncStream.makeStream(of: Connection.self)
    }

    /// Runs the connections until the task is cancelled. Called once.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await connection in starts {
                group.addTask {
                    await connection.run()
                    self.remove(connection)
                }
            }
            group.cancelAll()
        }
    }

    /// Called before each sweep with its cells. Closes the connections that no cell has any more: the cell has gone, or its
    /// URL has changed.
    func beginSweep(over cells: [CellMapping]) {
        let urls = Set(
            cells.compactMap { cell -> TransportURL? in
                guard case .url(let url)? = try? cell.queue(base: base) else { return nil }
                return url
            })
        let others = state.withLock { state in
            state.sweep += 1
            let others = state.connections.filter { !urls.contains($0.key) }
            for url in others.keys { state.connections[url] = nil }
            return Array(others.values)
        }
        for connection in others { connection.stop() }
    }

    /// The connection of a cell; a new one where there is none, where the last has ended, and where it has served long enough,
    /// which is closed first.
    ///
    /// - Throws: `CellError`, when the cell has no queue or its URL can't be used.
    func connection(of cell: CellMapping) async throws -> (connection: Connection, isNew: Bool) {
        guard case .url(let url) = try cell.queue(base: base) else {
            throw CellError(.noQueue, "The cell \(cell.identity) has no message queue (none://).", cell: cell.identity)
        }
        let (current, old, sweep) = state.withLock { state -> (Connection?, Connection?, Int) in
            guard let connection = state.connections[url] else { return (nil, nil, state.sweep) }
            if state.sweep - connection.sweep < Self.sweepsOfConnection { return (connection, nil, state.sweep) }
            state.connections[url] = nil
            return (nil, connection, state.sweep)
        }
        if let current { return (current, false) }
        await old?.end(within: Self.closeLimit)
        let made: Connection
        do {
            made = try Connection(
                url, sweep: sweep, name: "cell \(cell.identity)", drivers: drivers, logger: logger)
        } catch let error as TransportError {
            throw CellError(
                .badURL, "The transport URL of cell \(cell.identity) cannot be used: \(error.message)",
                cell: cell.identity, cause: error)
        }
        let (connection, isNew) = state.withLock { state in
            // Another cell with the same URL was faster.
            if let other = state.connections[url] { return (other, false) }
            state.connections[url] = made
            return (made, true)
        }
        if isNew { startSource.yield(connection) }
        return (connection, isNew)
    }

    /// How long a cell's broker took to say that the exchange of requests to a topic isn't there. `nil` where it is, and where
    /// that can't be told.
    ///
    /// A request to an exchange that isn't there would make it, and a sweep leaves nothing behind. Asked over a connection of its own,
    /// before the cell's, once for each URL that has the exchange.
    func lacksExchange(of topic: Topic, in cell: CellMapping, timeout: Duration) async -> Duration? {
        #if RabbitMQ
            guard case .url(let url)? = try? cell.queue(base: base), RabbitMQTopology.schemes.contains(url.scheme),
                state.withLock({ !$0.hasExchange.contains(url) }),
                let inspection = try? BrokerInspection(
                    url, besides: CommandSettings.current.rabbitMQ.announced, timeout: timeout, logger: Doctor.silent),
                // A cell that can't be reached is told of by what comes next, and takes its time there.
                let host = inspection.hosts.first, let look = try? await inspection.logIn(to: host)
            else { return nil }
            let begin = ContinuousClock.now
            let isMissing = try? await look.lacksExchange(of: topic)
            let time = begin.duration(to: .now)
            await look.close()
            if isMissing == false { state.withLock { _ = $0.hasExchange.insert(url) } }
            return isMissing == true ? time : nil
        #else
            return nil
        #endif
    }

    private func remove(_ connection: Connection) {
        state.withLock { state in
            if state.connections[connection.url] === connection { state.connections[connection.url] = nil }
        }
    }
}

extension TransportURL {
    /// The URL for a program that leaves nothing behind: its reply queue goes a minute after its last use, and has a name
    /// that no other program could want.
    var leavingNothing: TransportURL {
        guard ["rabbit", "kombu", "amqp", "amqps"].contains(scheme) else { return self }
        let own: [Option] = [.init("rabbit_transient_queues_ttl", "60"), .init("use_queue_manager", "false")]
        var url = self
        url.options.removeAll { option in own.contains { $0.name == option.name } }
        url.options += own
        return url
    }
}
