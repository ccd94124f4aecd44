#if MariaDB
    internal import Logging
    internal import SwitchboardCells
    internal import SwitchboardCore

    /// What the threads of one database know together.
    final class MariaDBServer: Sendable {
        let address: MariaDBAddress
        let outage: Locked<Outage>
        private let logger: Logger
        private let hasPrepared = Locked(false)
        private let prepare: (@Sendable (MariaDBConnection) throws -> Void)?

        /// - Parameter prepare: what is done on the first connection, before anything else, until it succeeds.
        init(
            _ address: MariaDBAddress, patience: Duration, logger: Logger,
            prepare: (@Sendable (MariaDBConnection) throws -> Void)?
        ) {
            self.address = address
            self.logger = logger
            self.prepare = prepare
            outage = Locked(Outage(patience: patience))
            if !address.ignoredOptions.isEmpty {
                logger.warning(
                    "Options of the database's URL are ignored",
                    metadata: [
                        "database": "\(address)", "options": "\(address.ignoredOptions.joined(separator: ", "))",
                    ])
            }
            if let verification = address.tls?.verification, verification == .none {
                logger.warning("The database's certificate is not verified", metadata: ["database": "\(address)"])
            }
        }

        func prepareOnce(_ connection: MariaDBConnection) throws {
            guard let prepare, !hasPrepared.withLock({ $0 }) else { return }
            try prepare(connection)
            hasPrepared.withLock { $0 = true }
        }

        func connected() {
            guard let time = outage.withLock({ $0.connected(now: .now) }) else { return }
            logger.notice("Database can be reached again", metadata: ["database": "\(address)", "outage": "\(time)"])
        }

        func failed(_ error: MariaDBError, _ session: MariaDBConnection.Session) {
            let isFirst = outage.withLock { outage in
                outage.failed(error, now: .now, jitter: .random(in: 0...1))
            }
            guard isFirst else { return }
            logger.warning(
                "Database can't be reached",
                metadata: ["database": "\(address)", "error": "\(self.error(error, session))"])
        }
    }
#endif
