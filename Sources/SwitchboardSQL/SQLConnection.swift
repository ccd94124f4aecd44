package import SwitchboardCells

/// A value of a statement: what is bound to a parameter, and what a column holds.
package enum SQLValue: Hashable, Sendable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case bytes([UInt8])

    package init(_ text: String?) {
        self = text.map(SQLValue.text) ?? .null
    }

    package init(_ number: Int64?) {
        self = number.map(SQLValue.integer) ?? .null
    }

    package init(_ flag: Bool) {
        self = .integer(flag ? 1 : 0)
    }
}

/// A row of a result. Its columns are read whatever they hold: databases store surprising values, and none may trap us.
package protocol SQLRow {
    /// The value of the column with that number, from 0.
    func value(_ column: Int) -> SQLValue

    func text(_ column: Int) -> String?
    func integer(_ column: Int) -> Int64?
    /// NULL reads as `false`, as Nova's objects have it.
    func flag(_ column: Int) -> Bool
}

extension SQLRow {
    package func text(_ column: Int) -> String? {
        switch value(column) {
        case .null: nil
        case .text(let text): text
        case .integer(let number): String(number)
        case .real(let number): String(number)
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        }
    }

    package func integer(_ column: Int) -> Int64? {
        switch value(column) {
        case .integer(let number): number
        case .text(let text): Int64(text)
        case .real(let number): Int64(exactly: number)
        case .null, .bytes: nil
        }
    }

    package func flag(_ column: Int) -> Bool {
        switch value(column) {
        case .integer(let number): number != 0
        case .real(let number): number != 0
        case .text(let text): ["true", "t", "1"].contains(text.lowercased())
        case .null, .bytes: false
        }
    }

    @inlinable
    package func timestamp(_ column: Int) -> MappingTimestamp? {
        text(column).flatMap { MappingTimestamp($0) }
    }
}

/// One connection to a database, inside a transaction or a single read. It belongs to the thread that it is lent to.
package protocol SQLConnection {
    associatedtype Row: SQLRow

    var dialect: SQLDialect { get }

    /// The rows that a statement gives. `?` stands for each argument. The statement is prepared once and kept.
    func rows(_ sql: String, _ arguments: [SQLValue]) throws -> [Row]

    /// The first row, for statements that give one or none.
    func row(_ sql: String, _ arguments: [SQLValue]) throws -> Row?

    /// Runs a statement that changes something, and returns how many rows it matched.
    @discardableResult
    func execute(_ sql: String, _ arguments: [SQLValue]) throws -> Int
}

extension SQLConnection {
    package func rows(_ sql: String) throws -> [Row] { try rows(sql, []) }

    package func row(_ sql: String) throws -> Row? { try row(sql, []) }

    package func row(_ sql: String, _ arguments: [SQLValue]) throws -> Row? {
        try rows(sql, arguments).first
    }
}
