/// Writes JSON text in the very form of Python's `json.dumps`: `", "` and `": "`, everything outside of printable ASCII
/// escaped, floats in their shortest form (oslo-wire.md §3.2).
///
/// Writes documents within documents in one pass: inside ``nest(_:)``, what is written becomes the escaped content of a
/// string of the document around it. At nesting level n every quote comes with 2ⁿ−1 backslashes before it, and every
/// backslash 2ⁿ times, which is all that escaping does to text that is ASCII already.
struct JSONWriter: ~Copyable {
    private var text: UnsafeMutablePointer<UInt8>
    private var count = 0
    private var capacity: Int
    /// Whether `text` is the writer's own, and not what ``bytes(capacity:_:)`` lends it.
    private var ownsText: Bool
    /// How many bytes a quote takes with the backslashes before it, or a backslash: two to the power of the level.
    private var width = 1

    init(capacity: Int = 512) {
        text = .allocate(capacity: capacity)
        self.capacity = capacity
        ownsText = true
    }

    private init(borrowing text: UnsafeMutablePointer<UInt8>, capacity: Int) {
        self.text = text
        self.capacity = capacity
        ownsText = false
    }

    deinit {
        if ownsText { text.deallocate() }
    }

    /// What `body` writes, straight into the array that is returned. What takes more room than expected is copied there.
    static func bytes(capacity: Int, _ body: (inout JSONWriter) -> Void) -> [UInt8] {
        var larger: [UInt8]?
        let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, length in
            guard let start = buffer.baseAddress else { return }
            var writer = JSONWriter(borrowing: start, capacity: buffer.count)
            body(&writer)
            if writer.ownsText { larger = writer.finish() } else { length = writer.count }
        }
        return larger ?? bytes
    }

    /// What was written.
    consuming func finish() -> [UInt8] {
        [UInt8](UnsafeBufferPointer(start: text, count: count))
    }

    /// What was written, which is ASCII, as a string.
    consuming func string() -> String {
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
            byte("[")
            var isFirst = true
            for element in elements {
                if isFirst { isFirst = false } else { raw(", ") }
                write(element)
            }
            byte("]")
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
        var writer = JSONWriter(capacity: 1024)
        writer.width = 2
        var isFirst = false
        writer.write(membersOf: object, expecting: expected, isFirst: &isFirst)
        return writer.finish()
    }

    /// Writes members that were written before, inside one ``nest(_:)`` and not at the beginning of their object.
    mutating func writeNested(_ members: [UInt8]) {
        precondition(width == 2, "Members were escaped once, and are written into another depth.")
        members.withUnsafeBufferPointer { raw($0) }
    }

    mutating func beginObject() { byte("{") }
    mutating func endObject() { byte("}") }

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
        if capacity &- count < more { grow(more) }
    }

    private mutating func grow(_ more: Int) {
        capacity = max(count + more, 2 * capacity)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        larger.update(from: text, count: count)
        if ownsText { text.deallocate() }
        text = larger
        ownsText = true
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
        return writer.finish()
    }
}

/// Floats as Python's `repr` writes them.
enum PythonFloat {
    static func text(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        if value == 0 { return value.sign == .minus ? "-0.0" : "0.0" }
        // Here Swift writes no exponent, as Python does not.
        if (1e-3..<1e15).contains(value.magnitude) { return value.description }
        // Swift's description has the same, shortest digits; only the notation differs.
        var digits: [UInt8] = []
        var exponent = 0
        var point: Int?
        let description = value.magnitude.description.utf8
        var rest = description.makeIterator()
        while let byte = rest.next() {
            switch byte {
            case UInt8(ascii: "."): point = digits.count
            case UInt8(ascii: "e"):
                var text = ""
                while let next = rest.next() { text.unicodeScalars.append(Unicode.Scalar(next)) }
                exponent = Int(text) ?? 0
            default: digits.append(byte)
            }
        }
        var position = (point ?? digits.count) + exponent
        let leading = digits.prefix { $0 == 0x30 }.count
        digits.removeFirst(leading)
        position -= leading
        while digits.count > 1, digits.last == 0x30 { digits.removeLast() }
        let sign = value < 0 ? "-" : ""
        return sign + notation(String(decoding: digits, as: UTF8.self), position: position)
    }

    /// `digits` with the decimal point after the first `position` of them.
    private static func notation(_ digits: String, position: Int) -> String {
        if position > 16 || position < -3 {
            let exponent = position - 1
            let magnitude = String(abs(exponent))
            let tail = digits.count > 1 ? "." + digits.dropFirst() : ""
            return digits.prefix(1) + tail + "e" + (exponent < 0 ? "-" : "+") + (magnitude.count < 2 ? "0" : "")
                + magnitude
        }
        if position <= 0 { return "0." + String(repeating: "0", count: -position) + digits }
        if position >= digits.count { return digits + String(repeating: "0", count: position - digits.count) + ".0" }
        return digits.prefix(position) + "." + digits.dropFirst(position)
    }
}
