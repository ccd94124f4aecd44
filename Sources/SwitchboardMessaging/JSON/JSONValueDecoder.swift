extension JSONValue {
    /// Decodes the value as a type. Throws `DecodingError`, whose path says where.
    public func decode<T: Decodable>(_ type: T.Type = T.self) throws -> T {
        try JSONValueDecoder(value: self, codingPath: []).decode(type)
    }
}

/// Reads a ``JSONValue`` as any `Decodable` type.
struct JSONValueDecoder: Decoder {
    let value: JSONValue
    let codingPath: [any CodingKey]
    /// Takes down which members of `value` were asked for.
    var usage: KeyUsage?
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    init(value: JSONValue, codingPath: [any CodingKey], usage: KeyUsage? = nil) {
        self.value = value
        self.codingPath = codingPath
        self.usage = usage
    }

    /// Decodes an object, and tells a member of it that the type did not ask for, if there is one.
    static func decode<T: Decodable>(_ type: T.Type, from object: JSONObject) throws -> (value: T, unused: String?) {
        if type == JSONValue.self || type == NoReply.self {
            return (try JSONValueDecoder(value: .object(object), codingPath: []).decode(type), nil)
        }
        let usage = KeyUsage(count: object.count)
        let value = try JSONValueDecoder(value: .object(object), codingPath: [], usage: usage).decode(type)
        return (value, usage.firstUnused.map { object[$0].key })
    }

    /// Which members of an object were asked for, by their places.
    final class KeyUsage {
        private var used: UInt64 = 0
        private var usedBeyond: Set<Int> = []
        private var isAllUsed = false
        private let count: Int

        init(count: Int) {
            self.count = count
        }

        func use(_ place: Int) {
            if place < 64 { used |= 1 << UInt64(place) } else { usedBeyond.insert(place) }
        }

        func useAll() {
            isAllUsed = true
        }

        var firstUnused: Int? {
            if isAllUsed { return nil }
            let place = min((~used).trailingZeroBitCount, count)
            if place < min(count, 64) { return place }
            return count > 64 ? (64..<count).first { !usedBeyond.contains($0) } : nil
        }
    }

    func decode<T: Decodable>(_ type: T.Type) throws -> T {
        if type == JSONValue.self, let value = value as? T { return value }
        if type == String.self, case .string(let string) = value, let result = string as? T { return result }
        return try T(from: self)
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .object(let object) = value else { throw mismatch([String: Any].self, "an object") }
        return KeyedDecodingContainer(KeyedContainer<Key>(object: object, codingPath: codingPath, usage: usage))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .array(let elements) = value else { throw mismatch([Any].self, "an array") }
        return UnkeyedContainer(elements: elements, codingPath: codingPath)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        usage?.useAll()
        return SingleContainer(decoder: self)
    }

    // MARK: Scalars

    func bool() throws -> Bool {
        guard case .bool(let value) = value else { throw mismatch(Bool.self, "true or false") }
        return value
    }

    func string() throws -> String {
        guard case .string(let value) = value else { throw mismatch(String.self, "a string") }
        return value
    }

    func float<T: BinaryFloatingPoint>(_ type: T.Type) throws -> T {
        switch value {
        case .double(let value): return T(value)
        case .integer(let value): return T(value)
        case .number(let value): if let number = Double(value.description) { return T(number) }
        default: break
        }
        throw mismatch(type, "a number")
    }

    func integer<T: FixedWidthInteger>(_ type: T.Type) throws -> T {
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
        let codingPath: [any CodingKey]
        let usage: KeyUsage?

        var allKeys: [Key] {
            usage?.useAll()
            return object.keys.compactMap(Key.init(stringValue:))
        }

        func contains(_ key: Key) -> Bool { value(key) != nil }

        private func value(_ key: Key) -> JSONValue? {
            guard let place = object.place(of: key.stringValue) else { return nil }
            usage?.use(place)
            return object[place].value
        }

        private func decoder(_ key: Key) throws -> JSONValueDecoder {
            guard let value = value(key) else {
                throw DecodingError.keyNotFound(
                    key, .init(codingPath: codingPath, debugDescription: "There is no \"\(key.stringValue)\"."))
            }
            return JSONValueDecoder(value: value, codingPath: codingPath + [key])
        }

        func decodeNil(forKey key: Key) throws -> Bool { try decoder(key).value == .null }
        func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try decoder(key).bool() }
        func decode(_ type: String.Type, forKey key: Key) throws -> String { try decoder(key).string() }
        func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try decoder(key).float(type) }
        func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try decoder(key).integer(type) }
        func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try decoder(key).integer(type) }

        func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
            try decoder(key).decode(type)
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
            usage?.useAll()
            return JSONValueDecoder(value: object["super"] ?? .null, codingPath: codingPath)
        }

        func superDecoder(forKey key: Key) throws -> any Decoder { try decoder(key) }
    }

    private struct UnkeyedContainer: UnkeyedDecodingContainer {
        let elements: [JSONValue]
        let codingPath: [any CodingKey]
        var currentIndex = 0

        var count: Int? { elements.count }
        var isAtEnd: Bool { currentIndex >= elements.count }

        private mutating func next() throws -> JSONValueDecoder {
            let path = codingPath + [JSONKey(index: currentIndex)]
            guard !isAtEnd else {
                throw DecodingError.valueNotFound(
                    Any.self, .init(codingPath: path, debugDescription: "The array has no more elements."))
            }
            defer { currentIndex += 1 }
            return JSONValueDecoder(value: elements[currentIndex], codingPath: path)
        }

        mutating func decodeNil() throws -> Bool {
            guard !isAtEnd, elements[currentIndex] == .null else { return false }
            currentIndex += 1
            return true
        }

        mutating func decode<T: Decodable>(_ type: T.Type) throws -> T { try next().decode(type) }

        mutating func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type
        ) throws -> KeyedDecodingContainer<Nested> {
            try next().container(keyedBy: type)
        }

        mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
            try next().unkeyedContainer()
        }

        mutating func superDecoder() throws -> any Decoder { try next() }
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
        func decode<T: Decodable>(_ type: T.Type) throws -> T { try decoder.decode(type) }
    }
}
