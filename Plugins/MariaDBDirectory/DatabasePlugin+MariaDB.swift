#if MariaDB
    public import Logging
    public import SwitchboardCells
    internal import SwitchboardCore
    internal import SwitchboardSQL

    extension DatabasePlugin {
        /// Databases on MariaDB and MySQL: `mysql://`, `mysql+pymysql://`, `mariadb://` and so on.
        ///
        /// - Parameters:
        ///   - configuration: the number of connections and the deadlines. What a database is opened for, and with which
        ///     timeout, comes from the call.
        ///   - logger: is told of outages, once each, and of options of a URL that mean nothing here.
        public static func mariaDB(
            configuration: MariaDBConfiguration = MariaDBConfiguration(), logger: Logger = Logger(label: "switchboard")
        ) -> DatabasePlugin {
            DatabasePlugin(
                schemes: "mysql", "mariadb",
                openDirectory: { url, opening throws(CellError) in
                    try MariaDBCellDirectory(url.reveal(), configuration: configuration.with(opening), logger: logger)
                },
                openCellDatabase: { url, cell, opening throws(CellError) in
                    do throws(CellError) {
                        // One after another is enough for a cell, of which there may be hundreds.
                        var configuration = configuration.with(opening)
                        configuration.scanTimeout = opening.timeout
                        configuration.writeTimeout = opening.timeout
                        configuration.lookupConnections = 1
                        configuration.scanConnections = 1
                        configuration.writeConnections = 1
                        let database = try MariaDBDatabase(
                            url.reveal(), configuration: configuration, logger: logger)
                        return SQLCellDatabase(database, of: cell)
                    } catch {
                        throw CellError(
                            error.code,
                            "The database connection of the cell \(cell) can't be used. \(error.message)", cell: cell)
                    }
                })
        }
    }

    extension MariaDBConfiguration {
        /// The same for what a database is opened for.
        fileprivate func with(_ opening: DatabaseConfiguration) -> MariaDBConfiguration {
            var configuration = self
            configuration.isReadOnly = opening.isReadOnly
            configuration.createsIfMissing = opening.createsIfMissing
            configuration.lookupTimeout = opening.timeout
            configuration.connectTimeout = min(connectTimeout, opening.timeout)
            configuration.scanTimeout = max(scanTimeout, opening.timeout)
            configuration.writeTimeout = max(writeTimeout, opening.timeout)
            return configuration
        }
    }
#endif
