#if RabbitMQ
/// An AMQP field table: the arguments of a declaration, client properties, message headers. The order is kept.
struct FieldTable: Hashable, Sendable {
    /// The kinds of value that we send. Each is one type letter on the wire.
    enum Value: Hashable, Sendable {
        /// `t`
        case bool(Bool)
        /// `I`, 32 bits: what oslo.messaging sends for `x-expires` (oslo-wire.md §2.1).
        case int32(Int32)
        /// `l`, 64 bits.
        case int64(Int64)
        /// `S`
        case string(String)
        /// `F`
        case table(FieldTable)
    }

    struct Entry: Hashable, Sendable {
        var name: String
        var value: Value
    }

    private(set) var entries: [Entry] = []

    var isEmpty: Bool { entries.isEmpty }

    subscript(name: String) -> Value? {
        entries.first { $0.name == name }?.value
    }

    mutating func append(_ name: String, _ value: Value) {
        entries.append(Entry(name: name, value: value))
    }

    /// The table with another value under a name that it has, or one more entry.
    func replacing(_ name: String, _ value: Value) -> FieldTable {
        var table = self
        if let index = table.entries.firstIndex(where: { $0.name == name }) {
            table.entries[index].value = value
        } else {
            table.append(name, value)
        }
        return table
    }

    /// The smallest integer type that holds `number`, as py-amqp chooses it.
    mutating func append(_ name: String, _ number: Int) {
        append(name, Int32(exactly: number).map { .int32($0) } ?? .int64(Int64(number)))
    }
}

extension FieldTable: ExpressibleByDictionaryLiteral {
    init(dictionaryLiteral elements: (String, Value)...) {
        entries = elements.map { Entry(name: $0.0, value: $0.1) }
    }
}
#endif
