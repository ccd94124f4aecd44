extension JSONValue {
    /// Encodes a value. Throws `EncodingError` as its `encode(to:)` does.
    public init(encoding value: some Encodable) throws {
        self = try JSONValueEncoder.encode(value, path: [])
    }
}

extension JSONValue: Codable {
    public init(from decoder: any Decoder) throws {
        if let decoder = decoder as? JSONValueDecoder {
            self = decoder.value
            return
        }
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .double(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            let members = try container.decode([String: JSONValue].self)
            var object = JSONObject()
            for key in members.keys.sorted() { object.append(key: key, value: members[key] ?? .null) }
            self = .object(object)
        }
    }

    public func encode(to encoder: any Encoder) throws {
        if let encoder = encoder as? JSONValueEncoder {
            encoder.result = .value(self)
            return
        }
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(Double(value.description) ?? .nan)
        case .double(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value):
            try container.encode(Dictionary(value.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 }))
        }
    }
}

/// Builds a ``JSONValue`` from what `encode(to:)` of any type does.
final class JSONValueEncoder: Encoder {
    /// What a container writes into, until it is asked for its value.
    enum Result {
        case value(JSONValue)
        case object(ObjectBuilder)
        case array(ArrayBuilder)

        var value: JSONValue {
            switch self {
            case .value(let value): value
            case .object(let builder): .object(builder.object)
            case .array(let builder): .array(builder.elements.map(\.value))
            }
        }
    }

    final class ObjectBuilder {
        private var members: [(key: String, result: Result)] = []

        func set(_ key: String, _ result: Result) {
            if let index = members.firstIndex(where: { $0.key == key }) {
                members[index].result = result
            } else {
                members.append((key, result))
            }
        }

        var object: JSONObject {
            var object = JSONObject()
            object.reserveCapacity(members.count)
            for (key, result) in members { object.append(key: key, value: result.value) }
            return object
        }
    }

    final class ArrayBuilder {
        var elements: [Result] = []
    }

    let codingPath: [any CodingKey]
    let userInfo: [CodingUserInfoKey: Any] = [:]
    var result: Result?

    init(codingPath: [any CodingKey]) {
        self.codingPath = codingPath
    }

    static func encode(_ value: some Encodable, path: [any CodingKey]) throws -> JSONValue {
        switch value {
        case let value as String: return .string(value)
        case let value as JSONValue: return value
        case let value as Int: return .integer(Int64(value))
        case let value as Bool: return .bool(value)
        default:
            let encoder = JSONValueEncoder(codingPath: path)
            try value.encode(to: encoder)
            // A type that encodes nothing, such as an empty struct, is an empty object.
            return encoder.result?.value ?? .object([:])
        }
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        let builder = ObjectBuilder()
        if case .object(let existing)? = result {
            return KeyedEncodingContainer(KeyedContainer(builder: existing, codingPath: codingPath))
        }
        result = .object(builder)
        return KeyedEncodingContainer(KeyedContainer(builder: builder, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        if case .array(let existing)? = result { return UnkeyedContainer(builder: existing, codingPath: codingPath) }
        let builder = ArrayBuilder()
        result = .array(builder)
        return UnkeyedContainer(builder: builder, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        SingleContainer(encoder: self)
    }

    static func integer(_ value: some BinaryInteger) -> JSONValue {
        Int64(exactly: value).map(JSONValue.integer) ?? .number(JSONNumber(unchecked: "\(value)"))
    }

    private struct KeyedContainer<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let builder: ObjectBuilder
        let codingPath: [any CodingKey]

        func encodeNil(forKey key: Key) { builder.set(key.stringValue, .value(.null)) }
        func encode(_ value: Bool, forKey key: Key) { builder.set(key.stringValue, .value(.bool(value))) }
        func encode(_ value: String, forKey key: Key) { builder.set(key.stringValue, .value(.string(value))) }
        func encode(_ value: Double, forKey key: Key) { builder.set(key.stringValue, .value(.double(value))) }
        func encode(_ value: Float, forKey key: Key) { builder.set(key.stringValue, .value(.double(Double(value)))) }
        func encode(_ value: Int, forKey key: Key) { builder.set(key.stringValue, .value(.integer(Int64(value)))) }

        func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
            builder.set(key.stringValue, .value(try JSONValueEncoder.encode(value, path: codingPath + [key])))
        }

        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) -> KeyedEncodingContainer<Nested> {
            let nested = ObjectBuilder()
            builder.set(key.stringValue, .object(nested))
            return KeyedEncodingContainer(
                KeyedContainer<Nested>(builder: nested, codingPath: codingPath + [key]))
        }

        func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
            let nested = ArrayBuilder()
            builder.set(key.stringValue, .array(nested))
            return UnkeyedContainer(builder: nested, codingPath: codingPath + [key])
        }

        func superEncoder() -> any Encoder {
            ReferencingEncoder(codingPath: codingPath) { [builder] in builder.set("super", $0) }
        }

        func superEncoder(forKey key: Key) -> any Encoder {
            ReferencingEncoder(codingPath: codingPath + [key]) { [builder] in builder.set(key.stringValue, $0) }
        }
    }

    private struct UnkeyedContainer: UnkeyedEncodingContainer {
        let builder: ArrayBuilder
        let codingPath: [any CodingKey]

        var count: Int { builder.elements.count }

        func encodeNil() { builder.elements.append(.value(.null)) }

        func encode<T: Encodable>(_ value: T) throws {
            let path = codingPath + [JSONKey(index: count)]
            builder.elements.append(.value(try JSONValueEncoder.encode(value, path: path)))
        }

        func nestedContainer<Nested: CodingKey>(keyedBy keyType: Nested.Type) -> KeyedEncodingContainer<Nested> {
            let nested = ObjectBuilder()
            let path = codingPath + [JSONKey(index: count)]
            builder.elements.append(.object(nested))
            return KeyedEncodingContainer(KeyedContainer<Nested>(builder: nested, codingPath: path))
        }

        func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
            let nested = ArrayBuilder()
            let path = codingPath + [JSONKey(index: count)]
            builder.elements.append(.array(nested))
            return UnkeyedContainer(builder: nested, codingPath: path)
        }

        func superEncoder() -> any Encoder {
            let index = count
            builder.elements.append(.value(.null))
            return ReferencingEncoder(codingPath: codingPath + [JSONKey(index: index)]) { [builder] in
                builder.elements[index] = $0
            }
        }
    }

    private struct SingleContainer: SingleValueEncodingContainer {
        let encoder: JSONValueEncoder
        var codingPath: [any CodingKey] { encoder.codingPath }

        func encodeNil() { encoder.result = .value(.null) }
        func encode(_ value: Bool) { encoder.result = .value(.bool(value)) }
        func encode(_ value: String) { encoder.result = .value(.string(value)) }
        func encode(_ value: Double) { encoder.result = .value(.double(value)) }
        func encode(_ value: Float) { encoder.result = .value(.double(Double(value))) }
        func encode(_ value: Int) { encoder.result = .value(.integer(Int64(value))) }
        func encode(_ value: Int8) { encoder.result = .value(.integer(Int64(value))) }
        func encode(_ value: Int16) { encoder.result = .value(.integer(Int64(value))) }
        func encode(_ value: Int32) { encoder.result = .value(.integer(Int64(value))) }
        func encode(_ value: Int64) { encoder.result = .value(.integer(value)) }
        func encode(_ value: Int128) { encoder.result = .value(JSONValueEncoder.integer(value)) }
        func encode(_ value: UInt) { encoder.result = .value(JSONValueEncoder.integer(value)) }
        func encode(_ value: UInt8) { encoder.result = .value(.integer(Int64(value))) }
        func encode(_ value: UInt16) { encoder.result = .value(.integer(Int64(value))) }
        func encode(_ value: UInt32) { encoder.result = .value(.integer(Int64(value))) }
        func encode(_ value: UInt64) { encoder.result = .value(JSONValueEncoder.integer(value)) }
        func encode(_ value: UInt128) { encoder.result = .value(JSONValueEncoder.integer(value)) }

        func encode<T: Encodable>(_ value: T) throws {
            encoder.result = .value(try JSONValueEncoder.encode(value, path: codingPath))
        }
    }

    /// An encoder whose value goes into a container when the encoder is let go of.
    private final class ReferencingEncoder: Encoder {
        let codingPath: [any CodingKey]
        let userInfo: [CodingUserInfoKey: Any] = [:]
        private let base: JSONValueEncoder
        private let store: (Result) -> Void

        init(codingPath: [any CodingKey], store: @escaping (Result) -> Void) {
            self.codingPath = codingPath
            self.base = JSONValueEncoder(codingPath: codingPath)
            self.store = store
        }

        deinit {
            store(base.result ?? .value(.object([:])))
        }

        func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
            base.container(keyedBy: type)
        }
        func unkeyedContainer() -> any UnkeyedEncodingContainer { base.unkeyedContainer() }
        func singleValueContainer() -> any SingleValueEncodingContainer { base.singleValueContainer() }
    }
}

/// A key made from a member's name or an element's place.
struct JSONKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(stringValue: String) {
        self.stringValue = stringValue
        intValue = nil
    }

    init(intValue: Int) {
        stringValue = "\(intValue)"
        self.intValue = intValue
    }

    init(index: Int) {
        stringValue = "[\(index)]"
        intValue = index
    }
}
