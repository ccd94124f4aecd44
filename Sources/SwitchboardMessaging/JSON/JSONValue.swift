/// Any JSON value, as Python's `json` module reads and writes it: numbers of any size, `NaN` and the infinities too.
public enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case integer(Int64)
    /// An integer beyond 64 bits.
    case number(JSONNumber)
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)
}

/// An integer that does not fit into 64 bits, kept as its decimal digits.
public struct JSONNumber: Sendable, Hashable, CustomStringConvertible {
    /// An optional minus sign and decimal digits.
    public let description: String

    /// `nil` when the text is no JSON integer.
    public init?(_ text: String) {
        let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
        guard let first = digits.utf8.first, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            first != 0x30 || digits.utf8.count == 1
        else { return nil }
        description = text
    }

    init(unchecked text: String) {
        description = text
    }
}

extension JSONValue {
    /// The member of an object; `nil` when there is none, or this is no object.
    public subscript(key: String) -> JSONValue? {
        if case .object(let object) = self { object[key] } else { nil }
    }

    /// The element of an array; `nil` when there is none, or this is no array.
    public subscript(index: Int) -> JSONValue? {
        if case .array(let array) = self, array.indices.contains(index) { array[index] } else { nil }
    }

    public var string: String? {
        if case .string(let value) = self { value } else { nil }
    }

    public var integer: Int64? {
        if case .integer(let value) = self { value } else { nil }
    }

    public var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }
}

extension JSONValue {
    /// Whether arrays and objects are nested more than so many times. Looks no deeper than that.
    func isNested(deeperThan limit: Int) -> Bool {
        switch self {
        case .array(let elements):
            limit <= 0 || elements.contains { $0.isNested(deeperThan: limit - 1) }
        case .object(let object):
            limit <= 0 || object.members.contains { $0.value.isNested(deeperThan: limit - 1) }
        case .null, .bool, .integer, .number, .double, .string: false
        }
    }
}

extension JSONValue: CustomStringConvertible {
    /// The value as JSON text.
    public var description: String {
        var writer = JSONWriter()
        writer.write(self)
        return writer.string
    }
}

extension JSONValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(nilLiteral: ()) { self = .null }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(floatLiteral value: Double) { self = .double(value) }
    public init(stringLiteral value: String) { self = .string(value) }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }

    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        var object = JSONObject()
        for (key, value) in elements { object[key] = value }
        self = .object(object)
    }
}
