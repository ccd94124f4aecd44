internal import Foundation
internal import GRDB
internal import SwitchboardSQL

/// Reads columns whatever their values are: SQLite stores anything in any column, and no file may trap us.
extension Row: SQLRow {
    func value(_ column: Int) -> SQLValue {
        switch stored(column) {
        case .null: .null
        case .string(let text): .text(text)
        case .int64(let number): .integer(number)
        case .double(let number): .real(number)
        case .blob(let data): .bytes([UInt8](data))
        }
    }

    func text(_ column: Int) -> String? {
        switch stored(column) {
        case .null: nil
        case .string(let text): text
        case .int64(let number): String(number)
        case .double(let number): String(number)
        case .blob(let data): String(decoding: data, as: UTF8.self)
        }
    }

    func integer(_ column: Int) -> Int64? {
        switch stored(column) {
        case .int64(let number): number
        case .string(let text): Int64(text)
        case .double(let number): Int64(exactly: number)
        case .null, .blob: nil
        }
    }

    func flag(_ column: Int) -> Bool {
        switch stored(column) {
        case .int64(let number): number != 0
        case .double(let number): number != 0
        case .string(let text): ["true", "t", "1"].contains(text.lowercased())
        case .null, .blob: false
        }
    }

    private func stored(_ column: Int) -> DatabaseValue.Storage {
        (self[column] as DatabaseValue).storage
    }
}

extension SQLValue {
    var databaseValue: DatabaseValue {
        switch self {
        case .null: .null
        case .integer(let number): number.databaseValue
        case .real(let number): number.databaseValue
        case .text(let text): text.databaseValue
        case .bytes(let bytes): bytes.withUnsafeBytes { Data($0) }.databaseValue
        }
    }
}

/// A connection of GRDB's, which prepares each statement once.
extension Database: SQLConnection {
    var dialect: SQLDialect { .sqlite }

    func rows(_ sql: String, _ arguments: [SQLValue]) throws -> [Row] {
        try Row.fetchAll(cachedStatement(sql: sql), arguments: Self.bound(arguments))
    }

    func row(_ sql: String, _ arguments: [SQLValue]) throws -> Row? {
        try Row.fetchOne(cachedStatement(sql: sql), arguments: Self.bound(arguments))
    }

    @discardableResult
    func execute(_ sql: String, _ arguments: [SQLValue]) throws -> Int {
        try cachedStatement(sql: sql).execute(arguments: Self.bound(arguments))
        return changesCount
    }

    private static func bound(_ arguments: [SQLValue]) -> StatementArguments {
        StatementArguments(arguments.map(\.databaseValue))
    }
}
