extension JSONValue {
    /// Decodes the value as a type. Throws `DecodingError`, whose path says where.
    public func decode<T: Decodable>(_ type: T.Type = T.self) throws -> T {
        try JSONValueDecoder.decode(type, from: self, within: nil)
    }
}

/// Reads a ``JSONValue`` as any `Decodable` type.
final class JSONValueDecoder: Decoder {
    let value: JSONValue
    /// Takes down which members of `value` were asked for.
    @exclusivity(unchecked) private var usage: JSONKeyUsage?
    /// Where the member is that was asked for last.
    @exclusivity(unchecked) private var last = 0

    /// Where this is, and from there the key to `value`.
    private let parent: JSONValueDecoder?
    private let key: (any CodingKey)?

    private init(value: JSONValue, within parent: JSONValueDecoder?, key: (any CodingKey)?, usage: JSONKeyUsage? = nil)
    {
        self.value = value
        self.parent = parent
        self.key = key
        self.usage = usage
    }

    /// Put together only where it is asked for.
    var codingPath: [any CodingKey] {
        (parent?.codingPath ?? []) + (key.map { [$0] } ?? [])
    }

    var userInfo: [CodingUserInfoKey: Any] { [:] }

    /// Decodes an object, and tells a member of it that the type did not ask for, if there is one.
    static func decode<T: Decodable>(_ type: T.Type, from object: JSONObject) throws -> (value: T, unused: String?) {
        if type == JSONValue.self || type == NoReply.self {
            return (try decode(type, from: .object(object), within: nil), nil)
        }
        let decoder = JSONValueDecoder(
            value: .object(object), within: nil, key: nil, usage: JSONKeyUsage(count: object.count))
        let value = try T(from: decoder)
        return (value, decoder.usage?.firstUnused.map { object[$0].key })
    }

    static func decode<T: Decodable>(
        _ type: T.Type, from value: JSONValue, within parent: JSONValueDecoder?, key: (any CodingKey)? = nil
    ) throws -> T {
        // Casts take long, also to the type that a value has.
        if type == JSONValue.self { return unsafeBitCast(value, to: T.self) }
        if type == String.self, case .string(let string) = value { return unsafeBitCast(string, to: T.self) }
        if type == [String].self, let strings = strings(value) { return unsafeBitCast(strings, to: T.self) }
        return try T(from: JSONValueDecoder(value: value, within: parent, key: key))
    }

    /// The strings of an array of nothing else.
    private static func strings(_ value: JSONValue) -> [String]? {
        guard case .array(let elements) = value else { return nil }
        var strings: [String] = []
        strings.reserveCapacity(elements.count)
        for element in elements {
            guard case .string(let string) = element else { return nil }
            strings.append(string)
        }
        return strings
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .object(let object) = value else { throw mismatch([String: Any].self, "an object") }
        return KeyedDecodingContainer(KeyedContainer<Key>(object: object, decoder: self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .array(let elements) = value else { throw mismatch([Any].self, "an array") }
        return UnkeyedContainer(elements: elements, decoder: self)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        usage?.useAll()
        return SingleContainer(decoder: self)
    }

    // MARK: Scalars

    private func bool() throws -> Bool {
        guard case .bool(let value) = value else { throw mismatch(Bool.self, "true or false") }
        return value
    }

    private func string() throws -> String {
        guard case .string(let value) = value else { throw mismatch(String.self, "a string") }
        return value
    }

    private func float<T: BinaryFloatingPoint>(_ type: T.Type) throws -> T {
        switch value {
        case .double(let value): return T(value)
        case .integer(let value): return T(value)
        case .number(let value): if let number = Double(value.description) { return T(number) }
        default: break
        }
        throw mismatch(type, "a number")
    }

    private func integer<T: FixedWidthInteger>(_ type: T.Type) throws -> T {
        switch value {
        case .integer(let value): if let number = T(exactly: value) { return number }
        case .number(let value): if let number = T(value.description) { return number }
        case .double(let value): if let number = T(exactly: value) { return number }
        default: throw mismatch(type, "an integer")
        }
        throw mismatch(type, "an integer that fits into \(type)")
    }

    private func mismatch(_ type: Any.Type, _ expected: String) -> DecodingError {
        let found =
            switch value {
            case .null: "null"
            case .bool: "a boolean"
            case .integer, .number, .double: "a number"
            case .string: "a string"
            case .array: "an array"
            case .object: "an object"
            }
        return .typeMismatch(
            type, .init(codingPath: codingPath, debugDescription: "Expected \(expected), found \(found)."))
    }

    private struct KeyedContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let object: JSONObject
        let decoder: JSONValueDecoder
        var codingPath: [any CodingKey] { decoder.codingPath }

        var allKeys: [Key] {
            decoder.usage?.useAll()
            return object.keys.compactMap(Key.init(stringValue:))
        }

        func contains(_ key: Key) -> Bool { find(key) != nil }

        private func find(_ key: Key) -> JSONValue? {
            guard let place = object.place(of: key.stringValue, near: decoder.last) else { return nil }
            decoder.last = place
            decoder.usage?.use(place)
            return object[place].value
        }

        private func value(_ key: Key) throws -> JSONValue {
            if let value = find(key) { return value }
            throw DecodingError.keyNotFound(
                key, .init(codingPath: codingPath, debugDescription: "There is no \"\(key.stringValue)\"."))
        }

        private func decoder(_ key: Key) throws -> JSONValueDecoder {
            JSONValueDecoder(value: try value(key), within: decoder, key: key)
        }

        func decodeNil(forKey key: Key) throws -> Bool {
            if case .null = try value(key) { true } else { false }
        }

        func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool {
            if case .bool(let value) = try value(key) { value } else { try decoder(key).bool() }
        }

        func decode(_ type: String.Type, forKey key: Key) throws -> String {
            if case .string(let value) = try value(key) { value } else { try decoder(key).string() }
        }

        func decode(_ type: Double.Type, forKey key: Key) throws -> Double {
            if case .double(let value) = try value(key) { value } else { try decoder(key).float(type) }
        }

        func decode(_ type: Int.Type, forKey key: Key) throws -> Int {
            if case .integer(let value) = try value(key) { Int(value) } else { try decoder(key).integer(type) }
        }

        func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 {
            if case .integer(let value) = try value(key) { value } else { try decoder(key).integer(type) }
        }

        func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
            try JSONValueDecoder.decode(type, from: try value(key), within: decoder, key: key)
        }

        func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? {
            switch find(key) {
            case nil, .null?: nil
            case .string(let value)?: value
            default: try decoder(key).string()
            }
        }

        func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T? {
            guard let value = find(key) else { return nil }
            if case .null = value { return nil }
            return try JSONValueDecoder.decode(type, from: value, within: decoder, key: key)
        }

        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) throws -> KeyedDecodingContainer<Nested> {
            try decoder(key).container(keyedBy: type)
        }

        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
            try decoder(key).unkeyedContainer()
        }

        func superDecoder() throws -> any Decoder {
            decoder.usage?.useAll()
            return JSONValueDecoder(value: object["super"] ?? .null, within: decoder, key: nil)
        }

        func superDecoder(forKey key: Key) throws -> any Decoder { try decoder(key) }
    }

    private struct UnkeyedContainer: UnkeyedDecodingContainer {
        let elements: [JSONValue]
        let decoder: JSONValueDecoder
        var codingPath: [any CodingKey] { decoder.codingPath }
        var currentIndex = 0

        var count: Int? { elements.count }
        var isAtEnd: Bool { currentIndex >= elements.count }

        /// What comes next, and its key.
        private mutating func next() throws -> (JSONValue, JSONKey) {
            let key = JSONKey(index: currentIndex)
            guard !isAtEnd else {
                throw DecodingError.valueNotFound(
                    Any.self,
                    .init(codingPath: codingPath + [key], debugDescription: "The array has no more elements."))
            }
            defer { currentIndex += 1 }
            return (elements[currentIndex], key)
        }

        private mutating func nextDecoder() throws -> JSONValueDecoder {
            let (value, key) = try next()
            return JSONValueDecoder(value: value, within: decoder, key: key)
        }

        mutating func decodeNil() throws -> Bool {
            guard !isAtEnd, elements[currentIndex] == .null else { return false }
            currentIndex += 1
            return true
        }

        mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
            let (value, key) = try next()
            return try JSONValueDecoder.decode(type, from: value, within: decoder, key: key)
        }

        mutating func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type
        ) throws -> KeyedDecodingContainer<Nested> {
            try nextDecoder().container(keyedBy: type)
        }

        mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
            try nextDecoder().unkeyedContainer()
        }

        mutating func superDecoder() throws -> any Decoder { try nextDecoder() }
    }

    private struct SingleContainer: SingleValueDecodingContainer {
        let decoder: JSONValueDecoder
        var codingPath: [any CodingKey] { decoder.codingPath }

        func decodeNil() -> Bool { decoder.value == .null }
        func decode(_ type: Bool.Type) throws -> Bool { try decoder.bool() }
        func decode(_ type: String.Type) throws -> String { try decoder.string() }
        func decode(_ type: Double.Type) throws -> Double { try decoder.float(type) }
        func decode(_ type: Float.Type) throws -> Float { try decoder.float(type) }
        func decode(_ type: Int.Type) throws -> Int { try decoder.integer(type) }
        func decode(_ type: Int8.Type) throws -> Int8 { try decoder.integer(type) }
        func decode(_ type: Int16.Type) throws -> Int16 { try decoder.integer(type) }
        func decode(_ type: Int32.Type) throws -> Int32 { try decoder.integer(type) }
        func decode(_ type: Int64.Type) throws -> Int64 { try decoder.integer(type) }
        func decode(_ type: Int128.Type) throws -> Int128 { try decoder.integer(type) }
        func decode(_ type: UInt.Type) throws -> UInt { try decoder.integer(type) }
        func decode(_ type: UInt8.Type) throws -> UInt8 { try decoder.integer(type) }
        func decode(_ type: UInt16.Type) throws -> UInt16 { try decoder.integer(type) }
        func decode(_ type: UInt32.Type) throws -> UInt32 { try decoder.integer(type) }
        func decode(_ type: UInt64.Type) throws -> UInt64 { try decoder.integer(type) }
        func decode(_ type: UInt128.Type) throws -> UInt128 { try decoder.integer(type) }
        func decode<T: Decodable>(_ type: T.Type) throws -> T {
            try JSONValueDecoder.decode(type, from: decoder.value, within: decoder)
        }
    }
}
