#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Writes JSON text in the very form of Python's `json.dumps`: `", "` and `": "`, everything outside of printable ASCII
/// escaped, floats in their shortest form (oslo-wire.md §3.2).
///
/// Writes documents within documents in one pass: inside ``nest(_:)``, what is written becomes the escaped content of a
/// string of the document around it. At nesting level n every quote comes with 2ⁿ−1 backslashes before it, and every
/// backslash 2ⁿ times, which is all that escaping does to text that is ASCII already.
struct JSONWriter: ~Copyable {
    private var memory: ScratchMemory
    private var count = 0
    /// How many bytes a quote takes with the backslashes before it, or a backslash: two to the power of the level.
    private var width = 1

    /// - Parameter memory: where it is written.
    init(in memory: consuming ScratchMemory = ScratchMemory()) {
        self.memory = memory
    }

    /// One of a document within a document, for ``writeNested(_:)``.
    static func nested() -> JSONWriter {
        var writer = JSONWriter()
        writer.width = 2
        return writer
    }

    /// What `body` writes.
    static func bytes(_ body: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter()
        body(&writer)
        return writer.bytes
    }

    @inline(__always)
    private var text: UnsafeMutablePointer<UInt8> { memory.bytes }

    /// How many bytes were written.
    var length: Int { count }

    /// Whether the bytes written from a place on are among those from another to there, too, or are fewer than four.
    func hasTwice(from place: Int, since start: Int) -> Bool {
        let size = count &- place
        let bytes = UnsafeRawPointer(text)
        func begin(_ place: Int) -> UInt32 { bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self) }
        guard size >= 4 else { return true }
        // Nearly all differ in the first four.
        let first = begin(place)
        var other = start
        while other &+ size <= place {
            if begin(other) == first, memcmp(text + other, text + place, size) == 0 { return true }
            other &+= 1
        }
        return false
    }

    /// What was written.
    var bytes: [UInt8] { [UInt8](UnsafeBufferPointer(start: text, count: count)) }

    /// What was written, which is ASCII, as a string.
    var string: String {
        String(copying: UTF8Span(unchecked: UnsafeBufferPointer(start: text, count: count).span, isKnownASCII: true))
    }

    /// Writes a string whose content is the document that `body` writes.
    mutating func nest(_ body: (inout JSONWriter) -> Void) {
        quote()
        width *= 2
        body(&self)
        width /= 2
        quote()
    }

    /// Writes what comes before and behind a document within a string, the string's quotes included, and has `body` write
    /// that document.
    mutating func write(_ opening: StaticString, nesting body: (inout JSONWriter) -> Void, _ closing: StaticString) {
        raw(opening)
        width *= 2
        body(&self)
        width /= 2
        raw(closing)
    }

    mutating func write(_ value: JSONValue) {
        switch value {
        case .null: raw("null")
        case .bool(let value): raw(value ? "true" : "false")
        case .integer(let value): write(value)
        case .number(let value): ascii(value.description)
        case .double(let value): ascii(PythonFloat.text(value))
        case .string(let value): write(value)
        case .array(let elements):
            beginArray()
            var isFirst = true
            for element in elements {
                separate(isFirst: &isFirst)
                write(element)
            }
            endArray()
        case .object(let object): write(object)
        }
    }

    mutating func write(_ object: JSONObject) {
        beginObject()
        var isFirst = true
        for member in object.members {
            key(member.key, isFirst: &isFirst)
            write(member.value)
        }
        endObject()
    }

    /// Writes the members of an object, each with the prefix of the expected names before its own.
    mutating func write(membersOf object: JSONObject, expecting expected: ExpectedNames, isFirst: inout Bool) {
        var next = 0
        for member in object.members {
            if width == 2, !isFirst, next < expected.names.count, expected.names[next] == member.key {
                expected.withNestedMember(next) { raw($0) }
                next += 1
            } else {
                key(member.key, prefix: expected.prefix, isFirst: &isFirst)
            }
            write(member.value)
        }
    }

    /// The members of an object as ``writeNested(_:)`` takes them.
    static func nestedMembers(of object: JSONObject, expecting expected: ExpectedNames) -> [UInt8] {
        var writer = JSONWriter.nested()
        var isFirst = false
        writer.write(membersOf: object, expecting: expected, isFirst: &isFirst)
        return writer.bytes
    }

    /// Writes what was written before, inside one ``nest(_:)`` too.
    mutating func writeNested(_ text: [UInt8]) {
        precondition(width == 2, "Text was escaped once, and are written into another depth.")
        text.withUnsafeBufferPointer { raw($0) }
    }

    mutating func beginObject() { byte("{") }
    mutating func endObject() { byte("}") }
    mutating func beginArray() { byte("[") }
    mutating func endArray() { byte("]") }

    /// Writes the comma before an element.
    mutating func separate(isFirst: inout Bool) {
        if isFirst { isFirst = false } else { raw(", ") }
    }

    /// Writes a member's name and its colon, and the comma before it. `prefix` is plain ASCII without quotes.
    mutating func key(_ key: String, prefix: StaticString = "", isFirst: inout Bool) {
        if isFirst { isFirst = false } else { raw(", ") }
        quote()
        if prefix.utf8CodeUnitCount > 0 { raw(prefix) }
        content(key)
        quote()
        raw(": ")
    }

    /// Writes an expected name as ``key(_:prefix:isFirst:)`` does.
    mutating func key(_ place: Int, of expected: ExpectedNames, isFirst: inout Bool) {
        if width == 2, !isFirst {
            expected.withNestedMember(place) { raw($0) }
        } else {
            key(expected.names[place], prefix: expected.prefix, isFirst: &isFirst)
        }
    }

    mutating func write(_ string: String) {
        quote()
        content(string)
        quote()
    }

    mutating func write(_ id: WireID) {
        guard case .digits(let high, let low) = id else { return write(id.value) }
        quote()
        reserve(32)
        UniqueID.write(high, low, to: text + count)
        count &+= 32
        quote()
    }

    mutating func write(_ integer: Int64) {
        reserve(20)
        if integer < 0 { put(UInt8(ascii: "-")) }
        var rest = integer.magnitude
        var length = 1
        var limit: UInt64 = 10
        while length < 19, rest >= limit {
            length += 1
            limit *= 10
        }
        count += length
        for place in 1...length {
            text[count - place] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
    }

    // MARK: Bytes

    /// Makes room for so many bytes; what follows writes them without asking.
    @inline(__always)
    private mutating func reserve(_ more: Int) {
        if memory.capacity &- count < more { memory.grow(toHold: count + more) }
    }

    @inline(__always)
    private mutating func put(_ byte: UInt8) {
        text[count] = byte
        count &+= 1
    }

    @inline(__always)
    private mutating func byte(_ scalar: Unicode.Scalar) {
        reserve(1)
        put(UInt8(ascii: scalar))
    }

    @inline(__always)
    private mutating func raw(_ bytes: StaticString) {
        reserve(bytes.utf8CodeUnitCount)
        (text + count).update(from: bytes.utf8Start, count: bytes.utf8CodeUnitCount)
        count &+= bytes.utf8CodeUnitCount
    }

    @inline(__always)
    private mutating func raw(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let source = bytes.baseAddress else { return }
        reserve(bytes.count)
        (text + count).update(from: source, count: bytes.count)
        count &+= bytes.count
    }

    private mutating func ascii(_ string: String) {
        reserve(string.utf8.count)
        for byte in string.utf8 { put(byte) }
    }

    @inline(__always)
    private mutating func quote() {
        backslash()
        text[count &- 1] = 0x22
    }

    @inline(__always)
    private mutating func backslash() {
        reserve(width &+ 8)
        if width <= 8 {
            // Those behind what is needed are written over.
            ByteLanes.backslashes.store(to: text + count)
        } else {
            (text + count).update(repeating: 0x5C, count: width)
        }
        count &+= width
    }

    private mutating func content(_ string: String) {
        var string = string
        string.withUTF8 { utf8 in
            guard let source = utf8.baseAddress else { return }
            // Eight more let its last bytes be written eight at a time too.
            reserve(utf8.count &+ 8)
            var place = ByteLanes.copyPlain(source, utf8.count, to: text + count)
            count &+= place
            while place < utf8.count {
                let lanes = ByteLanes(source, utf8.count, from: place)
                // Those behind the plain ones are written over.
                lanes.store(to: text + count)
                let plain = lanes.plainToWrite
                place &+= plain
                count &+= plain
                guard plain < 8, place < utf8.count else { continue }
                reserve(12 &* width &+ utf8.count &- place &+ 8)
                place += escape(source + place)
            }
        }
    }

    /// Escapes the scalar that begins there; returns its length in bytes. A `String` holds valid UTF-8 only.
    private mutating func escape(_ utf8: UnsafePointer<UInt8>) -> Int {
        let byte = utf8[0]
        backslash()
        switch byte {
        case 0x22: quote()
        case 0x5C: backslash()
        case 0x08: put(UInt8(ascii: "b"))
        case 0x09: put(UInt8(ascii: "t"))
        case 0x0A: put(UInt8(ascii: "n"))
        case 0x0C: put(UInt8(ascii: "f"))
        case 0x0D: put(UInt8(ascii: "r"))
        case 0..<0x80: unicodeEscape(UInt16(byte))
        default:
            let length = byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
            var scalar = UInt32(byte) & (length == 2 ? 0x1F : length == 3 ? 0x0F : 0x07)
            for offset in 1..<length { scalar = scalar << 6 | UInt32(utf8[offset] & 0x3F) }
            if scalar < 0x10000 {
                unicodeEscape(UInt16(scalar))
            } else {
                let pair = scalar - 0x10000
                unicodeEscape(UInt16(0xD800 + pair >> 10))
                backslash()
                unicodeEscape(UInt16(0xDC00 + pair & 0x3FF))
            }
            return length
        }
        return 1
    }

    private mutating func unicodeEscape(_ unit: UInt16) {
        put(UInt8(ascii: "u"))
        for place in 1...4 {
            let digit = UInt8(truncatingIfNeeded: unit >> UInt16(16 - 4 * place)) & 0xF
            put(digit < 10 ? 0x30 + digit : 0x57 + digit)
        }
    }
}

extension JSONValue {
    /// The value as JSON text, as Python's `json.dumps` writes it.
    public func serialized() -> [UInt8] {
        var writer = JSONWriter()
        writer.write(self)
        return writer.bytes
    }
}
