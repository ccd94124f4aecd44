/// Writes JSON text in the very form of Python's `json.dumps`: `", "` and `": "`, everything outside of printable ASCII
/// escaped, floats in their shortest form (oslo-wire.md §3.2).
///
/// Writes documents within documents in one pass: inside ``nest(_:)``, what is written becomes the escaped content of a
/// string of the document around it. At nesting level n every quote comes with 2ⁿ−1 backslashes before it, and every
/// backslash 2ⁿ times, which is all that escaping does to text that is ASCII already.
struct JSONWriter {
    /// Longer than what was written, so that writing is copying and no growing, nearly always.
    private var storage: [UInt8]
    private var count = 0
    private var level = 0

    init(capacity: Int = 512) {
        storage = [UInt8](repeating: 0, count: capacity)
    }

    /// Takes out what was written.
    mutating func finish() -> [UInt8] {
        var bytes: [UInt8] = []
        swap(&bytes, &storage)
        bytes.removeLast(bytes.count - count)
        count = 0
        return bytes
    }

    /// Writes a string whose content is the document that `body` writes.
    mutating func nest(_ body: (inout JSONWriter) -> Void) {
        quote()
        level += 1
        body(&self)
        level -= 1
        quote()
    }

    mutating func write(_ value: JSONValue) {
        switch value {
        case .null: raw("null")
        case .bool(let value): raw(value ? "true" : "false")
        case .integer(let value): write(value)
        case .number(let value): string(raw: value.description)
        case .double(let value): string(raw: PythonFloat.text(value))
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
        for (key, value) in object {
            self.key(key, isFirst: &isFirst)
            write(value)
        }
        endObject()
    }

    mutating func beginObject() { byte("{") }
    mutating func endObject() { byte("}") }

    /// Writes a member's name and its colon, and the comma before it. `prefix` is plain ASCII without quotes.
    mutating func key(_ key: String, prefix: StaticString = "", isFirst: inout Bool) {
        if isFirst { isFirst = false } else { raw(", ") }
        quote()
        raw(prefix)
        content(key)
        quote()
        raw(": ")
    }

    mutating func write(_ string: String) {
        quote()
        content(string)
        quote()
    }

    mutating func write(_ integer: Int64) {
        if integer >= 0 && integer < 10 {
            put(0x30 + UInt8(integer))
        } else {
            string(raw: String(integer))
        }
    }

    // MARK: Bytes

    private mutating func put(_ byte: UInt8) {
        reserve(1)
        storage[count] = byte
        count += 1
    }

    private mutating func put(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
        reserve(bytes.count)
        storage.withUnsafeMutableBytes { ($0.baseAddress! + count).copyMemory(from: source, byteCount: bytes.count) }
        count += bytes.count
    }

    private mutating func reserve(_ more: Int) {
        guard count + more > storage.count else { return }
        storage.append(contentsOf: repeatElement(0, count: max(more, storage.count)))
    }

    private mutating func raw(_ text: StaticString) {
        put(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private mutating func string(raw text: String) {
        var text = text
        text.withUTF8 { put($0) }
    }

    private mutating func byte(_ scalar: Unicode.Scalar) {
        put(UInt8(ascii: scalar))
    }

    private mutating func quote() {
        for _ in 0..<(1 << level) - 1 { put(0x5C) }
        put(0x22)
    }

    private mutating func backslash() {
        for _ in 0..<(1 << level) { put(0x5C) }
    }

    private mutating func content(_ string: String) {
        var string = string
        string.withUTF8 { utf8 in
            var start = 0
            while true {
                let end = Self.endOfPlain(utf8, from: start)
                put(UnsafeBufferPointer(rebasing: utf8[start..<end]))
                guard end < utf8.count else { return }
                start = end + escape(utf8, at: end)
            }
        }
    }

    /// Where the first byte is, from a place on, that must be escaped. Eight at a time: most text has none.
    private static func endOfPlain(_ utf8: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        let bytes = UnsafeRawBufferPointer(utf8)
        var index = start
        while index + 8 <= bytes.count {
            let special = Self.special(
                UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)))
            guard special == 0 else { return index + special.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < bytes.count {
            let byte = bytes[index]
            guard byte >= 0x20 && byte < 0x7F && byte != 0x22 && byte != 0x5C else { return index }
            index += 1
        }
        return index
    }

    /// Zero when none of eight bytes must be escaped; else its lowest bit is in the first that must.
    private static func special(_ bytes: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        // Where a byte is zero, taking one from it sets its highest bit, and may set that of later bytes.
        let quotes = (bytes ^ ones &* 0x22) &- ones
        let backslashes = (bytes ^ ones &* 0x5C) &- ones
        let deletes = (bytes ^ ones &* 0x7F) &- ones
        let controls = bytes &- ones &* 0x20
        return (bytes | quotes | backslashes | deletes | controls) & (ones &* 0x80)
    }

    /// Escapes the scalar that begins at `index`; returns its length in bytes. A `String` holds valid UTF-8 only.
    private mutating func escape(_ utf8: UnsafeBufferPointer<UInt8>, at index: Int) -> Int {
        let byte = utf8[index]
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
            for offset in 1..<length { scalar = scalar << 6 | UInt32(utf8[index + offset] & 0x3F) }
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
        for shift in [12, 8, 4, 0] {
            let digit = UInt8(truncatingIfNeeded: unit >> UInt16(shift)) & 0xF
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
