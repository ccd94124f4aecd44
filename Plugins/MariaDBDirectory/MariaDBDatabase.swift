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
            func lane(_ purpose: MariaDBConnection.Session.Purpose, _ timeout: Duration, _ threads: Int) -> Lane {
                let session = MariaDBConnection.Session(
                    purpose: purpose, timeout: timeout, connectTimeout: configuration.connectTimeout,
                    waitsForCluster: configuration.waitsForCluster)
                return Lane(server, session, threads: threads, limit: configuration.queueLimit)
            }
            self.server = server
            self.configuration = configuration
            lookups = lane(.lookups, configuration.lookupTimeout, configuration.lookupConnections)
            scans = lane(.scans, configuration.scanTimeout, configuration.scanConnections)
            writes = lane(.writes, configuration.writeTimeout, configuration.writeConnections)
        }

        deinit {
            for lane in [lookups, scans, writes] { lane.stop() }
        }

        package func look<Value: Sendable>(
            _ body: @escaping @Sendable (MariaDBConnection) throws -> Value
        ) async throws(CellError) -> Value {
            try await perform(body, on: lookups, within: configuration.lookupTimeout) { $0.read($1) }
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
