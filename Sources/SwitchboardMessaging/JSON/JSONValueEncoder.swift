extension JSONValue {
    /// Encodes a value. Throws `EncodingError` as its `encode(to:)` does.
    public init(encoding value: some Encodable) throws {
        self = try JSONValueEncoder.encode(value, within: nil)
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
            encoder.set(self)
            return
        }
        if let encoder = encoder as? JSONTextEncoder { return try encoder.write(self) }
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
    private enum Kind { case nothing, value, object, array }

    // What changes with every member is not looked at for overlapping accesses: nothing is called during one.
    @exclusivity(unchecked) private var kind = Kind.nothing
    private var value = JSONValue.null
    @exclusivity(unchecked) private var object = JSONObjectBuilder()
    private var elements: [JSONValue] = []
    /// What is not encoded to its end yet, and the place in `object` or `elements` that it will take.
    @exclusivity(unchecked) private var nested: [(place: Int, encoder: JSONValueEncoder)] = []

    /// Where this is, and from there the key to what is encoded.
    private let parent: JSONValueEncoder?
    private let start: [any CodingKey]
    private let key: (any CodingKey)?

    private init(within parent: JSONValueEncoder?, key: (any CodingKey)?) {
        self.parent = parent
        self.start = []
        self.key = key
    }

    /// An encoder that others may hold: one that knew them would keep both for ever.
    init(codingPath: [any CodingKey]) {
        parent = nil
        start = codingPath
        key = nil
    }

    /// Put together only where it is asked for.
    var codingPath: [any CodingKey] {
        (parent?.codingPath ?? start) + (key.map { [$0] } ?? [])
    }

    var userInfo: [CodingUserInfoKey: Any] { [:] }

    static func encode<T: Encodable>(
        _ value: T, within parent: JSONValueEncoder?, key: (any CodingKey)? = nil
    ) throws -> JSONValue {
        // Casts take long, also to the type that a value has.
        if T.self == String.self { return .string(unsafeBitCast(value, to: String.self)) }
        if T.self == JSONValue.self { return unsafeBitCast(value, to: JSONValue.self) }
        if T.self == Int.self { return .integer(Int64(unsafeBitCast(value, to: Int.self))) }
        if T.self == Bool.self { return .bool(unsafeBitCast(value, to: Bool.self)) }
        if T.self == [String].self { return .array(unsafeBitCast(value, to: [String].self).map(JSONValue.string)) }
        let encoder = JSONValueEncoder(within: parent, key: key)
        try value.encode(to: encoder)
        return encoder.result
    }

    /// A type that encodes nothing, such as an empty struct, is an empty object.
    private var result: JSONValue {
        for (place, encoder) in nested {
            if kind == .array { elements[place] = encoder.result } else { object.setValue(encoder.result, at: place) }
        }
        return switch kind {
        case .nothing: .object([:])
        case .value: value
        case .object: .object(object.object)
        case .array: .array(elements)
        }
    }

    func set(_ value: JSONValue) {
        kind = .value
        self.value = value
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        begin(.object)
        return KeyedEncodingContainer(KeyedContainer(encoder: self))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        begin(.array)
        return UnkeyedContainer(encoder: self)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        SingleContainer(encoder: self)
    }

    static func integer(_ value: some BinaryInteger) -> JSONValue {
        Int64(exactly: value).map(JSONValue.integer) ?? .number(JSONNumber(unchecked: "\(value)"))
    }

    // MARK: What containers write

    private func begin(_ kind: Kind) {
        guard self.kind != kind else { return }
        self.kind = kind
        object = JSONObjectBuilder()
        elements = []
        nested = []
    }

    private func set(_ key: String, _ value: JSONValue) {
        let place = object.place(setting: key, value)
        if !nested.isEmpty { nested.removeAll { $0.place == place } }
    }

    private func set(_ key: String, _ encoder: JSONValueEncoder) {
        let place = object.place(setting: key, .null)
        nested.removeAll { $0.place == place }
        nested.append((place, encoder))
    }

    private func append(_ encoder: JSONValueEncoder) {
        nested.append((elements.count, encoder))
        elements.append(.null)
    }

    private struct KeyedContainer<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let encoder: JSONValueEncoder
        var codingPath: [any CodingKey] { encoder.codingPath }

        func encodeNil(forKey key: Key) { encoder.set(key.stringValue, .null) }
        func encode(_ value: Bool, forKey key: Key) { encoder.set(key.stringValue, .bool(value)) }
        func encode(_ value: String, forKey key: Key) { encoder.set(key.stringValue, .string(value)) }
        func encode(_ value: Double, forKey key: Key) { encoder.set(key.stringValue, .double(value)) }
        func encode(_ value: Float, forKey key: Key) { encoder.set(key.stringValue, .double(Double(value))) }
        func encode(_ value: Int, forKey key: Key) { encoder.set(key.stringValue, .integer(Int64(value))) }

        func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
            encoder.set(key.stringValue, try JSONValueEncoder.encode(value, within: encoder, key: key))
        }

        private func nest(_ key: Key) -> JSONValueEncoder {
            let nested = JSONValueEncoder(codingPath: codingPath + [key])
            encoder.set(key.stringValue, nested)
            return nested
        }

        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) -> KeyedEncodingContainer<Nested> {
            nest(key).container(keyedBy: type)
        }

        func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
            nest(key).unkeyedContainer()
        }

        func superEncoder() -> any Encoder {
            ReferencingEncoder(codingPath: codingPath) { [encoder] in encoder.set("super", $0) }
        }

        func superEncoder(forKey key: Key) -> any Encoder {
            ReferencingEncoder(codingPath: codingPath + [key]) { [encoder] in encoder.set(key.stringValue, $0) }
        }
    }

    private struct UnkeyedContainer: UnkeyedEncodingContainer {
        let encoder: JSONValueEncoder
        var codingPath: [any CodingKey] { encoder.codingPath }

        var count: Int { encoder.elements.count }

        func encodeNil() { encoder.elements.append(.null) }

        func encode<T: Encodable>(_ value: T) throws {
            let key = JSONKey(index: count)
            encoder.elements.append(try JSONValueEncoder.encode(value, within: encoder, key: key))
        }

        private func nest() -> JSONValueEncoder {
            let nested = JSONValueEncoder(codingPath: codingPath + [JSONKey(index: count)])
            encoder.append(nested)
            return nested
        }

        func nestedContainer<Nested: CodingKey>(keyedBy keyType: Nested.Type) -> KeyedEncodingContainer<Nested> {
            nest().container(keyedBy: keyType)
        }

        func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
            nest().unkeyedContainer()
        }

        func superEncoder() -> any Encoder {
            let place = count
            encoder.elements.append(.null)
            return ReferencingEncoder(codingPath: codingPath + [JSONKey(index: place)]) { [encoder] in
                encoder.nested.append((place, $0))
            }
        }
    }

    private struct SingleContainer: SingleValueEncodingContainer {
        let encoder: JSONValueEncoder
        var codingPath: [any CodingKey] { encoder.codingPath }

        func encodeNil() { encoder.set(.null) }
        func encode(_ value: Bool) { encoder.set(.bool(value)) }
        func encode(_ value: String) { encoder.set(.string(value)) }
        func encode(_ value: Double) { encoder.set(.double(value)) }
        func encode(_ value: Float) { encoder.set(.double(Double(value))) }
        func encode(_ value: Int) { encoder.set(.integer(Int64(value))) }
        func encode(_ value: Int8) { encoder.set(.integer(Int64(value))) }
        func encode(_ value: Int16) { encoder.set(.integer(Int64(value))) }
        func encode(_ value: Int32) { encoder.set(.integer(Int64(value))) }
        func encode(_ value: Int64) { encoder.set(.integer(value)) }
        func encode(_ value: Int128) { encoder.set(JSONValueEncoder.integer(value)) }
        func encode(_ value: UInt) { encoder.set(JSONValueEncoder.integer(value)) }
        func encode(_ value: UInt8) { encoder.set(.integer(Int64(value))) }
        func encode(_ value: UInt16) { encoder.set(.integer(Int64(value))) }
        func encode(_ value: UInt32) { encoder.set(.integer(Int64(value))) }
        func encode(_ value: UInt64) { encoder.set(JSONValueEncoder.integer(value)) }
        func encode(_ value: UInt128) { encoder.set(JSONValueEncoder.integer(value)) }

        func encode<T: Encodable>(_ value: T) throws {
            encoder.set(try JSONValueEncoder.encode(value, within: encoder))
        }
    }

    /// An encoder whose value goes into a container when the encoder is let go of.
    private final class ReferencingEncoder: Encoder {
        let codingPath: [any CodingKey]
        let userInfo: [CodingUserInfoKey: Any] = [:]
        private let base: JSONValueEncoder
        private let store: (JSONValueEncoder) -> Void

        init(codingPath: [any CodingKey], store: @escaping (JSONValueEncoder) -> Void) {
            self.codingPath = codingPath
            self.base = JSONValueEncoder(codingPath: codingPath)
            self.store = store
        }

        deinit {
            store(base)
        }

        func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
            base.container(keyedBy: type)
        }
        func unkeyedContainer() -> any UnkeyedEncodingContainer { base.unkeyedContainer() }
        func singleValueContainer() -> any SingleValueEncodingContainer { base.singleValueContainer() }
    }
}
