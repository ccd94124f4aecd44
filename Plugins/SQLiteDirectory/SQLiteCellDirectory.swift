internal import GRDB
public import SwitchboardCells
internal import SwitchboardCore

/// A directory in a SQLite file with the schema of Nova's API database.
///
/// It reads files that `nova-manage` made and Nova reads those that it makes; both may use one file at the same time.
/// Nothing is cached: an answer is what is committed when it is given, by whichever process. The journal mode of a file
/// that exists is left as it is.
public final class SQLiteCellDirectory: MutableCellDirectory {
    /// How a directory is opened.
    public struct Configuration: Sendable {
        /// Whether writes are refused. Nothing is ever created then.
        public var isReadOnly = false

        /// Whether a directory is made where there is no file, or an empty one.
        public var createsIfMissing = false

        /// How long a call waits for another process's lock before it throws.
        public var busyTimeout: Duration = .seconds(5)

        public init() {}
    }

    /// The file, as an absolute path: ``version()`` looks at it again and again.
    public let path: String

    private let configuration: Configuration
    private let opened: Locked<Opened>

    private struct Opened {
        var connections: SQLiteConnections
        /// How often the file was found to be another one than before.
        var generation: Int64 = 0
    }

    /// Opens the directory in a file, given as a path or as `sqlite:///path`.
    ///
    /// Throws ``CellError/Code/directoryUnavailable`` when there is no such file or it cannot be opened,
    /// ``CellError/Code/directoryInvalid`` when it is no database or lacks tables.
    public init(_ location: String, configuration: Configuration = Configuration()) throws(CellError) {
        path = SQLitePath.absolute(try SQLitePath.parse(location))
        self.configuration = configuration
        if configuration.createsIfMissing, !configuration.isReadOnly {
            try SQLiteConnections.create(path: path, busyTimeout: configuration.busyTimeout)
        }
        let connections = try SQLiteConnections(path: path, busyTimeout: configuration.busyTimeout)
        opened = Locked(Opened(connections: connections))
    }

    // MARK: - Access for the extensions

    /// Reads one row or so, on the caller's thread: some ten microseconds, no change of threads. A lock, which only a
    /// commit in a file without write-ahead logging holds, is waited for elsewhere.
    func look<Value: Sendable>(_ body: @Sendable (Database) throws -> Value) async throws(CellError) -> Value {
        let connections = opened.withLock(\.connections)
        do {
            return try readNow(connections.lookups, body)
        } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
            return try await scan(body)
        } catch {
            throw CellError.wrapping(error, path: path)
        }
    }

    /// Reads many rows.
    func scan<Value: Sendable>(_ body: @Sendable (Database) throws -> Value) async throws(CellError) -> Value {
        let connections = opened.withLock(\.connections)
        do {
            return try await connections.scans.read(body)
        } catch {
            throw CellError.wrapping(error, path: path)
        }
    }

    /// Writes in one transaction.
    func write<Value: Sendable>(_ body: @Sendable (Database) throws -> Value) async throws(CellError) -> Value {
        guard !configuration.isReadOnly else {
            throw CellError(.directoryReadOnly, "The directory \(path) was opened for reading only.")
        }
        let connections = opened.withLock(\.connections)
        do {
            return try await connections.writer().write(body)
        } catch {
            throw CellError.wrapping(error, path: path)
        }
    }

    /// `DatabaseQueue` has asynchronous functions of the same names, which an asynchronous caller would get.
    private func readNow<Value>(_ queue: DatabaseQueue, _ body: (Database) throws -> Value) throws -> Value {
        try queue.unsafeRead(body)
    }

    // MARK: - Following changes

    /// The file's identity and SQLite's own counter of commits: no table is read, and a change by any process shows.
    ///
    /// A file that another one has taken the place of (a restored copy, for example) is opened anew.
    public func version() async throws(CellError) -> DirectoryVersion {
        let identity = try FileIdentity(path: path)
        if opened.withLock({ $0.connections.identity != identity }) {
            let connections = try SQLiteConnections(path: path, busyTimeout: configuration.busyTimeout)
            opened.withLock { opened in
                opened.connections = connections
                opened.generation += 1
            }
        }
        let (connections, generation) = opened.withLock { ($0.connections, $0.generation) }
        do {
            let version = try await connections.watch.writeWithoutTransaction { db in
                try Int64.fetchOne(db.cachedStatement(sql: "PRAGMA data_version")) ?? 0
            }
            return DirectoryVersion(generation, version)
        } catch {
            throw CellError.wrapping(error, path: path)
        }
    }
}
