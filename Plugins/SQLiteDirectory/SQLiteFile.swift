internal import GRDB
internal import SwitchboardCells
internal import SwitchboardCore
internal import SwitchboardSQL

/// The file of a directory: its connections, opened anew when another file takes its place.
final class SQLiteFile: SQLDatabase {
    typealias Configuration = SQLiteCellDirectory.Configuration

    let path: String

    private let configuration: Configuration
    private let opened: Locked<Opened>

    private struct Opened {
        var connections: SQLiteConnections
        /// How often the file was found to be another one than before.
        var generation: Int64 = 0
    }

    init(_ location: String, configuration: Configuration) throws(CellError) {
        path = SQLitePath.absolute(try SQLitePath.parse(location))
        self.configuration = configuration
        if configuration.createsIfMissing, !configuration.isReadOnly {
            try SQLiteConnections.create(path: path, busyTimeout: configuration.busyTimeout)
        }
        let connections = try SQLiteConnections(path: path, busyTimeout: configuration.busyTimeout)
        opened = Locked(Opened(connections: connections))
    }

    /// The connections to the file that is at the path now: one that took the place of the old one (a restored copy, for
    /// example) is opened anew. Throws if the file is missing.
    private func connections() throws(CellError) -> SQLiteConnections {
        let held = opened.withLock(\.connections)
        if try held.isCurrent() { return held }
        let found = try SQLiteConnections(path: path, busyTimeout: configuration.busyTimeout, replacing: held)
        return opened.withLock { opened in
            // Another task may have been faster; then ours close unused.
            if opened.connections !== held { return opened.connections }
            opened.connections = found
            opened.generation += 1
            return found
        }
    }

    /// Reads one row or so, on the caller's thread: some ten microseconds, no change of threads. A lock, which only a
    /// commit in a file without write-ahead logging holds, is waited for elsewhere.
    func look<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws(CellError) -> Value
    {
        let connections = try connections()
        do {
            let value = try readNow(connections.lookups, body)
            if connections.mayHaveChanged { return try await scan(body) }
            return value
        } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY || connections.mayHaveChanged {
            return try await scan(body)
        } catch {
            throw CellError.wrapping(error, path: path)
        }
    }

    /// Reads many rows.
    func scan<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws(CellError) -> Value
    {
        for _ in 0..<8 {
            let connections = try connections()
            do {
                let value = try await connections.scans.read(body)
                if !connections.mayHaveChanged { return value }
            } catch {
                if !connections.mayHaveChanged { throw CellError.wrapping(error, path: path) }
            }
        }
        throw CellError(
            .directoryUnavailable,
            "The directory \(path) changes again and again while it is read without a lock, as nothing can be written "
                + "beside it; try again.")
    }

    /// Writes in one transaction.
    func write<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws(CellError) -> Value
    {
        guard !configuration.isReadOnly else {
            throw CellError(.directoryReadOnly, "The directory \(path) was opened for reading only.")
        }
        let connections = try connections()
        let value: Value
        do {
            value = try await connections.writer().write(body)
        } catch {
            throw CellError.wrapping(error, path: path)
        }
        // A change to a file that has been replaced would be lost silently.
        guard try connections.isCurrent() else {
            throw CellError(
                .directoryUnavailable,
                "The file \(path) was replaced while it was written: the change may be in the old one. Look, and repeat it."
            )
        }
        return value
    }

    /// `DatabaseQueue` has asynchronous functions of the same names, which an asynchronous caller would get.
    private func readNow<Value>(_ queue: DatabaseQueue, _ body: (Database) throws -> Value) throws -> Value {
        try queue.unsafeRead(body)
    }

    /// The file's identity and SQLite's counter of commits.
    func version() async throws(CellError) -> DirectoryVersion {
        let connections = try connections()
        let generation = opened.withLock(\.generation)
        do {
            let version = try await connections.watch.writeWithoutTransaction { db in
                try Row.fetchOne(db.cachedStatement(sql: "PRAGMA data_version"))?.integer(0) ?? 0
            }
            return DirectoryVersion(generation, version)
        } catch {
            throw CellError.wrapping(error, path: path)
        }
    }
}
