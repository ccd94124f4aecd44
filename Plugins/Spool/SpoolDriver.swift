public import Logging
public import SwitchboardCore

/// A directory as a message queue: processes on one host communicate through files, without a broker.
///
/// A message that `publish` has accepted is on the disk. A message that a dead process was handling goes back to its
/// queue at once. The article <doc:Format> describes the layouts and the rules after a crash.
public final class SpoolDriver: TransportDriver {
    public let configuration: SpoolConfiguration

    private let operations: any FileOperations
    private let logger: Logger
    /// That of the spool that was opened first. Spools that are made in its place get it too.
    private let layout = Locked<SpoolConfiguration.Layout?>(nil)

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

    public var backoff: ReconnectBackoff {
        ReconnectBackoff(shortest: .milliseconds(100), longest: .seconds(2))
    }

    /// Opens the spool, or makes it if it doesn't exist, and gives back what dead processes held.
    ///
    /// If the directory is removed, renamed or replaced later, the connection is lost. Only the first attempt to open a
    /// spool ends the transport: with `refused` for a directory that isn't safe or whose parent doesn't exist, with
    /// `conflict` for one with another layout.
    public func connect(
        _ role: ConnectionRole, signals: ConnectionSignals
    ) async throws(ConnectionFailure) -> any DriverConnection {
        let known = layout.withLock { $0 }
        let connection: SpoolConnection
        do throws(TransportError) {
            connection = try await SpoolConnection.open(
                configuration, preferring: known, operations: operations, signals: signals, logger: logger)
        } catch {
            throw ConnectionFailure(error, retry: known == nil ? .never : .afterPause)
        }
        layout.withLock { $0 = connection.store.layout }
        logger.info(
            known == nil ? "Spool opened" : "Spool opened again",
            metadata: [
                "spool.directory": "\(configuration.directory)", "spool.layout": "\(connection.store.layout)",
            ])
        return connection
    }
}
