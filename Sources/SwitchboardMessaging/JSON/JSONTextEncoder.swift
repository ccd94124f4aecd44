/// Writes a value as JSON text, with no ``JSONValue`` in between, where it is encoded as nearly all are: one member or element
/// after the other, each one once.
///
/// It gives up on anything else: on nested containers, encoders for superclasses, a coding path that is asked for, a name
/// that is there already, and on all errors. ``JSONValueEncoder`` knows all of that, and gives the same text for what is
/// written here.
struct JSONTextEncoder: Encoder {
    let text: JSONText
    let level: Int

    /// The object that a value encodes to, as ``JSONWriter/writeNested(_:)`` takes it; `nil` where it is given up.
    ///
    /// What is in it is nested less deep than any peer's reader allows.
    static func nestedObject(_ value: some Encodable) -> [UInt8]? {
        let text = JSONText()
        return text.writeObject(value) ? text.writer.bytes : nil
    }

    var userInfo: [CodingUserInfoKey: Any] { [:] }
    var codingPath: [any CodingKey] { text.noPath() }

    /// Writes all of what is encoded here.
    func write(_ value: JSONValue) throws {
        try text.setValue(of: level) { try $0.write(value) }
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        text.begin(.object, level)
        return KeyedEncodingContainer(KeyedContainer(text: text, level: level))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        text.begin(.array, level)
        return UnkeyedContainer(text: text, level: level)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        SingleContainer(text: text, level: level)
    }

    private struct KeyedContainer<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let text: JSONText
        let level: Int
        var codingPath: [any CodingKey] { text.noPath() }

        func encodeNil(forKey key: Key) throws {
            try text.setMember(key.stringValue, of: level) { $0.writer.write(.null) }
        }

        func encode(_ value: Bool, forKey key: Key) throws {
            try text.setMember(key.stringValue, of: level) { $0.writer.write(.bool(value)) }
        }
        func encode(_ value: String, forKey key: Key) throws {
            try text.setMember(key.stringValue, of: level) { $0.writer.write(value) }
        }
        func encode(_ value: Double, forKey key: Key) throws {
            try text.setMember(key.stringValue, of: level) { $0.writer.write(.double(value)) }
        }
        func encode(_ value: Float, forKey key: Key) throws {
            try text.setMember(key.stringValue, of: level) { $0.writer.write(.double(Double(value))) }
        }
        func encode(_ value: Int, forKey key: Key) throws {
            try text.setMember(key.stringValue, of: level) { $0.writer.write(Int64(value)) }
        }
        func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
            try text.setMember(key.stringValue, of: level) { try $0.write(encoding: value) }
        }

        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) -> KeyedEncodingContainer<Nested> {
            text.givenUp().container(keyedBy: type)
        }
        func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
            text.givenUp().unkeyedContainer()
        }
        func superEncoder() -> any Encoder { text.givenUp() }
        func superEncoder(forKey key: Key) -> any Encoder { text.givenUp() }
    }

    private struct UnkeyedContainer: UnkeyedEncodingContainer {
        let text: JSONText
        let level: Int
        var codingPath: [any CodingKey] { text.noPath() }
        var count: Int { text.count(of: level) }

        func encodeNil() throws { try text.append(to: level) { $0.writer.write(.null) } }
        func encode(_ value: String) throws { try text.append(to: level) { $0.writer.write(value) } }
        func encode(_ value: Int) throws { try text.append(to: level) { $0.writer.write(Int64(value)) } }
        func encode<T: Encodable>(_ value: T) throws { try text.append(to: level) { try $0.write(encoding: value) } }

        func nestedContainer<Nested: CodingKey>(keyedBy keyType: Nested.Type) -> KeyedEncodingContainer<Nested> {
            text.givenUp().container(keyedBy: keyType)
        }
        func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { text.givenUp().unkeyedContainer() }
        func superEncoder() -> any Encoder { text.givenUp() }
    }

    private struct SingleContainer: SingleValueEncodingContainer {
        let text: JSONText
        let level: Int
        var codingPath: [any CodingKey] { text.noPath() }

        private func set(_ value: JSONValue) { text.setValue(of: level) { $0.writer.write(value) } }

        func encodeNil() { set(.null) }
        func encode(_ value: Bool) { set(.bool(value)) }
        func encode(_ value: String) { set(.string(value)) }
        func encode(_ value: Double) { set(.double(value)) }
        func encode(_ value: Float) { set(.double(Double(value))) }
        func encode(_ value: Int) { set(.integer(Int64(value))) }
        func encode(_ value: Int8) { set(.integer(Int64(value))) }
        func encode(_ value: Int16) { set(.integer(Int64(value))) }
        func encode(_ value: Int32) { set(.integer(Int64(value))) }
        func encode(_ value: Int64) { set(.integer(value)) }
        func encode(_ value: Int128) { set(JSONValueEncoder.integer(value)) }
        func encode(_ value: UInt) { set(JSONValueEncoder.integer(value)) }
        func encode(_ value: UInt8) { set(.integer(Int64(value))) }
        func encode(_ value: UInt16) { set(.integer(Int64(value))) }
        func encode(_ value: UInt32) { set(.integer(Int64(value))) }
        func encode(_ value: UInt64) { set(JSONValueEncoder.integer(value)) }
        func encode(_ value: UInt128) { set(JSONValueEncoder.integer(value)) }
        func encode<T: Encodable>(_ value: T) throws { try text.setValue(of: level) { try $0.write(encoding: value) } }
    }
}
