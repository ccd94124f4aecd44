internal import Foundation
internal import GRDB
internal import SwitchboardCells
internal import SwitchboardCore
internal import SwitchboardSQL

/// A SQLite file of somebody else's, such as a cell's database: opened at the first call, never made, never changed in how it
/// keeps its journal.
final class SQLiteFile: SQLDatabase {
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
        _ body: @Sendable (SQLiteStatements) throws -> Value
    ) async throws(CellError) -> Value {
        try await scan(body)
    }

    func scan<Value: Sendable>(
        _ body: @Sendable (SQLiteStatements) throws -> Value
    ) async throws(CellError) -> Value {
        do {
            return try await queue(\.reader, isReadOnly: true).read { try body(SQLiteStatements($0)) }
        } catch {
            throw CellError.wrapping(error, path: path)
        }
    }

    func write<Value: Sendable>(
        _ body: @Sendable (SQLiteStatements) throws -> Value
    ) async throws(CellError) -> Value {
        guard !configuration.isReadOnly else {
            throw CellError(.directoryReadOnly, "The database \(path) was opened for reading only.")
        }
        do {
            return try await queue(\.writer, isReadOnly: false).write { try body(SQLiteStatements($0)) }
        } catch {
            throw CellError.wrapping(error, path: path)
        }
    }

    /// The connection to the file that is at the path now.
    private func queue(
        _ kept: any WritableKeyPath<Opened, DatabaseQueue?> & Sendable, isReadOnly: Bool
    ) throws -> DatabaseQueue {
        // Opened for writing, SQLite would make a file where there is none.
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

/// GRDB's connection, as the shared statements use it.
struct SQLiteStatements: SQLConnection {
    private let database: Database

    init(_ database: Database) {
        self.database = database
    }

    var dialect: SQLDialect { .sqlite }

    func rows(_ sql: String, _ arguments: [SQLValue]) throws -> [SQLiteRow] {
        try GRDB.Row.fetchAll(database.cachedStatement(sql: sql), arguments: Self.bound(arguments)).map(SQLiteRow.init)
    }

    @discardableResult
    func execute(_ sql: String, _ arguments: [SQLValue]) throws -> Int {
        try database.cachedStatement(sql: sql).execute(arguments: Self.bound(arguments))
        return database.changesCount
    }

    private static func bound(_ arguments: [SQLValue]) -> StatementArguments {
        StatementArguments(
            arguments.map { value -> DatabaseValue in
                switch value {
                case .null: .null
                case .integer(let number): number.databaseValue
                case .real(let number): number.databaseValue
                case .text(let text): text.databaseValue
                case .bytes(let bytes): Data(bytes).databaseValue
                }
            })
    }
}

struct SQLiteRow: SQLRow {
    private let row: GRDB.Row

    init(_ row: GRDB.Row) {
        self.row = row
    }

    func value(_ column: Int) -> SQLValue {
        let value: DatabaseValue = row[column]
        return switch value.storage {
        case .null: .null
        case .int64(let number): .integer(number)
        case .double(let number): .real(number)
        case .string(let text): .text(text)
        case .blob(let data): .bytes(Array(data))
        }
    }
}
