#if MariaDB
    package import Logging
    package import SwitchboardCells
    internal import SwitchboardCore
    internal import SwitchboardSQL

    /// A database on MariaDB or MySQL. Connections are opened when needed, and end with the object.
    package final class MariaDBDatabase: SQLDatabase {
        package typealias Connection = MariaDBConnection

        private let server: MariaDBServer
        private let configuration: MariaDBConfiguration
        private let lookups: Lane
        private let lookupSession: MariaDBConnection.Session
        private let guests: GuestSeat?
        private let scans: Lane
        private let writes: Lane

        /// Where it is, for people: the database, host and port, without credentials.
        package var name: String { "\(server.address)" }

        /// ``name`` of what a URL leads to.
        static func name(of url: String) throws(CellError) -> String {
            "\(try MariaDBAddress(parsing: url))"
        }

        /// - Parameters:
        ///   - url: a URL as SQLAlchemy reads it: `mysql+pymysql://user:password@host/database`.
        ///   - prepare: what is done on the first connection, before anything else, until it succeeds.
        /// - Throws: ``CellError/Code/badURL``. Nothing is connected yet.
        package init(
            _ url: String, configuration: MariaDBConfiguration = MariaDBConfiguration(),
            logger: Logger = Logger(label: "switchboard"),
            prepare: (@Sendable (MariaDBConnection) throws -> Void)? = nil
        ) throws(CellError) {
            let server = MariaDBServer(
                try MariaDBAddress(parsing: url), patience: configuration.lookupTimeout, logger: logger,
                prepare: prepare)
            func session(_ purpose: MariaDBConnection.Session.Purpose, _ timeout: Duration) -> MariaDBConnection.Session
            {
                MariaDBConnection.Session(
                    purpose: purpose, timeout: timeout, connectTimeout: configuration.connectTimeout,
                    waitsForCluster: configuration.waitsForCluster)
            }
            self.server = server
            self.configuration = configuration
            let limit = configuration.queueLimit
            // One of the connections is the guests'. Not with TLS: writing to a connection that is gone raises a signal then,
            // which only the threads of ours are safe from.
            guests = configuration.lookupConnections > 1 && server.address.tls == nil ? GuestSeat() : nil
            lookupSession = session(.lookups, configuration.lookupTimeout)
            lookups = Lane(
                server, lookupSession, threads: configuration.lookupConnections - (guests == nil ? 0 : 1), limit: limit,
                guests: guests)
            scans = Lane(
                server, session(.scans, configuration.scanTimeout), threads: configuration.scanConnections, limit: limit
            )
            writes = Lane(
                server, session(.writes, configuration.writeTimeout), threads: configuration.writeConnections,
                limit: limit)
        }

        deinit {
            for lane in [lookups, scans, writes] { lane.stop() }
        }

        package func look<Value: Sendable>(
            _ body: @escaping @Sendable (MariaDBConnection) throws -> Value
        ) async throws(CellError) -> Value {
            let start = ContinuousClock.now
            if let guests, !Task.isCancelled, let result = guests.look(server, lookupSession, body) {
                return try result.get()
            }
            let rest = configuration.lookupTimeout - start.duration(to: .now)
            return try await perform(body, on: lookups, within: rest) { $0.read($1) }
        }

        package func scan<Value: Sendable>(
            _ body: @escaping @Sendable (MariaDBConnection) throws -> Value
        ) async throws(CellError) -> Value {
            try await perform(body, on: scans, within: configuration.scanTimeout) { $0.read($1) }
        }

        package func write<Value: Sendable>(
            _ body: @escaping @Sendable (MariaDBConnection) throws -> Value
        ) async throws(CellError) -> Value {
            guard !configuration.isReadOnly else {
                throw CellError(.directoryReadOnly, "The database \(server.address) was opened for reading only.")
            }
            return try await perform(body, on: writes, within: configuration.writeTimeout) { $0.write($1) }
        }

        private func perform<Value: Sendable>(
            _ body: @escaping @Sendable (MariaDBConnection) throws -> Value, on lane: Lane, within limit: Duration,
            _ work: @escaping @Sendable (Worker, Call<Value>) -> Void
        ) async throws(CellError) -> Value {
            let call = Call<Value>(deadline: .now + limit, body)
            let result = await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    call.wait(continuation)
                    lane.submit(call) { worker in work(worker, call) }
                }
            } onCancel: {
                call.cancel(
                    CellError(.cancelled, "The task was cancelled while it used the database \(server.address)."))
            }
            return try result.get()
        }
    }
#endif
