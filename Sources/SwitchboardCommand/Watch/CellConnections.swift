import Logging
import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging

/// The connections of a watch: one message queue connection for each URL, kept from sweep to sweep.
///
/// They are the watch's own, and not a ``CellContextManager``'s: that one stops sending to a cell as soon as its queue is
/// slow, and here the slow ones are what is asked for.
final class CellConnections: Sendable {
    /// A connection, and how often it was lost.
    final class Connection: Sendable {
        let queue: MessageQueueConnection
        fileprivate let url: TransportURL
        fileprivate let stopped: AsyncStream<Void>
        private let stopSource: AsyncStream<Void>.Continuation
        private let losses = Locked(0)

        fileprivate init(_ url: TransportURL, name: String, drivers: DriverRegistry, logger: Logger) throws {
            self.url = url
            queue = try MessageQueueConnection(url.leavingNothing, drivers: drivers, name: name, logger: logger)
            (stopped, stopSource) = AsyncStream.makeStream(of: Void.self)
        }

        var lossCount: Int { losses.withLock { $0 } }

        fileprivate func stop() { stopSource.finish() }

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
        }
    }

    private struct State {
        var connections: [TransportURL: Connection] = [:]
        var isOver = false
    }

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
        state.withLock { $0.isOver = true }
    }

    /// The connection of a cell; a new one where there is none, or where the last has ended.
    ///
    /// - Throws: `CellError`, when the cell has no queue or its URL can't be used.
    func connection(of cell: CellMapping) throws -> (connection: Connection, isNew: Bool) {
        guard case .url(let url) = try cell.queue(base: base) else {
            throw CellError(.noQueue, "The cell \(cell.identity) has no message queue (none://).", cell: cell.identity)
        }
        if let connection = state.withLock({ $0.connections[url] }) { return (connection, false) }
        let made: Connection
        do {
            made = try Connection(url, name: "cell \(cell.identity)", drivers: drivers, logger: logger)
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

    /// Closes those that no cell has any more: the cell has gone, or its URL has changed.
    func keepOnly(of cells: [CellMapping]) {
        let urls = Set(
            cells.compactMap { cell -> TransportURL? in
                guard case .url(let url)? = try? cell.queue(base: base) else { return nil }
                return url
            })
        let others = state.withLock { state in
            let others = state.connections.filter { !urls.contains($0.key) }
            for url in others.keys { state.connections[url] = nil }
            return Array(others.values)
        }
        for connection in others { connection.stop() }
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
