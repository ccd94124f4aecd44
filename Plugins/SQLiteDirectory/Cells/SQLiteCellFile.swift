internal import GRDB
internal import SwitchboardCells
internal import SwitchboardCore
internal import SwitchboardSQL

/// A SQLite file of somebody else's, such as a cell's database: opened at the first call, never made, never changed in how it
/// keeps its journal.
final class SQLiteCellFile: SQLDatabase {
    private let path: String
    private let configuration: DatabaseConfiguration
    private let opened = Locked(Opened())

    private struct Opened {
        var identity: FileIdentity?
        var reader: DatabaseQueue?
        var writer: DatabaseQueue?
    }

    init(path: String, configuration: DatabaseConfiguration) {
        self.path = path
        self.configuration = configuration
    }

    func look<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(CellError) -> Value {
        try await scan(body)
    }

    func scan<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(CellError) -> Value {
        do {
            return try await queue(\.reader, isReadOnly: true).read(body)
        } catch {
            throw CellError.wrapping(error, path: path)
        }
    }

    func write<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(CellError) -> Value {
        guard !configuration.isReadOnly else {
            throw CellError(.directoryReadOnly, "The database \(path) was opened for reading only.")
        }
        do {
            return try await queue(\.writer, isReadOnly: false).write(body)
        } catch {
            throw CellError.wrapping(error, path: path)
        }
    }

    /// The connection to the file that is at the path now.
    private func queue(
        _ kept: any WritableKeyPath<Opened, DatabaseQueue?> & Sendable, isReadOnly: Bool
    ) throws -> DatabaseQueue {
        // SQLite creates a missing file that is opened for writing.
        let identity = try FileIdentity(path: path)
        let held = opened.withLock { opened in
            if opened.identity != identity { opened = Opened(identity: identity) }
            return opened[keyPath: kept]
        }
        if let held { return held }
        var configuration = Configuration()
        configuration.label = "switchboard.cell"
        configuration.readonly = isReadOnly
        configuration.busyMode = .timeout(self.configuration.timeout / .seconds(1))
        let new = try DatabaseQueue(path: path, configuration: configuration)
        return opened.withLock { opened in
            // Another task may have been faster; then ours closes unused.
            if opened.identity == identity, let held = opened[keyPath: kept] { return held }
            if opened.identity == identity { opened[keyPath: kept] = new }
            return new
        }
    }
}
