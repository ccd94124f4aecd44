/// Why bytes are no JSON.
public struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Where, in bytes from the start.
    public let offset: Int
    public let reason: String

    public var description: String {
        "not JSON at byte \(offset): \(reason)"
    }
}

/// Reads JSON text as Python's `json.loads` does. Total: any bytes give a value or a ``JSONError``.
///
/// Accepts `NaN`, `Infinity`, `-Infinity` and integers of any size. Of an object's members with one name the last one
/// counts. An unpaired surrogate (`\ud800`), which no Swift string can hold, becomes U+FFFD. Not accepted: documents
/// nested more than 512 deep, bytes that are not UTF-8, control characters inside strings.
struct JSONReader {
    static let maximumDepth = 512

    private let input: UnsafeBufferPointer<UInt8>
    private var position = 0
    private var depth = 0

    private init(_ input: UnsafeBufferPointer<UInt8>) {
        self.input = input
    }

    /// Reads a document that is all of `bytes`.
    static func read(_ bytes: [UInt8]) throws(JSONError) -> JSONValue {
        try withReader(of: bytes) { reader throws(JSONError) in
            let value = try reader.value()
            try reader.end()
            return value
        }
    }

    static func withReader<Result>(
        of bytes: [UInt8], _ body: (inout JSONReader) throws(JSONError) -> Result
    ) throws(JSONError) -> Result {
        let outcome = bytes.withUnsafeBufferPointer { input -> Swift.Result<Result, JSONError> in
            var reader = JSONReader(input)
            do throws(JSONError) {
                return .success(try body(&reader))
            } catch {
                return .failure(error)
            }
        }
        return try outcome.get()
    }

    // MARK: Values

    mutating func value() throws(JSONError) -> JSONValue {
        skipBlanks()
        guard position < input.count else { throw error("the text ends where a value is expected") }
        switch input[position] {
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "{"): return .object(try object())
        case UInt8(ascii: "["): return .array(try array())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "N"): return try literal("NaN", .double(.nan))
        case UInt8(ascii: "I"): return try literal("Infinity", .double(.infinity))
        case UInt8(ascii: "-"), 0x30...0x39: return try number()
        default: throw error("no value begins with this byte")
        }
    }

    /// Nothing but blanks may follow.
    mutating func end() throws(JSONError) {
        skipBlanks()
        guard position == input.count else { throw error("there is more after the end of the value") }
    }

    private mutating func object() throws(JSONError) -> JSONObject {
        var builder = JSONObjectBuilder()
        try members { reader, key throws(JSONError) in builder.set(key, try reader.value()) }
        return builder.object
    }

    /// Reads an object, and has `body` read the value of each member.
    mutating func members(
        _ body: (inout JSONReader, String) throws(JSONError) -> Void
    ) throws(JSONError) {
        try members(cutting: "") { reader, key, _ throws(JSONError) in try body(&reader, key) }
    }

    /// Reads an object, and has `body` read the value of each member. From names that begin with `prefix` it is cut, and
    /// `body` is told so. `prefix` is plain ASCII.
    mutating func members(
        cutting prefix: StaticString, _ body: (inout JSONReader, String, _ isCut: Bool) throws(JSONError) -> Void
    ) throws(JSONError) {
        skipBlanks()
        guard peek() == UInt8(ascii: "{") else { throw error("an object is expected") }
        try enter()
        skipBlanks()
        if peek() == UInt8(ascii: "}") { return leave() }
        while true {
            skipBlanks()
            guard peek() == UInt8(ascii: "\"") else { throw error("a member's name is expected, in double quotes") }
            let (key, isCut) = try name(cutting: prefix)
            skipBlanks()
            guard peek() == UInt8(ascii: ":") else { throw error("a ':' is expected after a member's name") }
            position += 1
            try body(&self, key, isCut)
            skipBlanks()
            switch peek() {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "}"): return leave()
            default: throw error("a ',' or '}' is expected")
            }
        }
    }

    /// Reads a member's name. Cuts the prefix before a string is made of it: what is left is often short enough to need
    /// no memory of its own.
    private mutating func name(cutting prefix: StaticString) throws(JSONError) -> (String, isCut: Bool) {
        let length = prefix.utf8CodeUnitCount
        guard length > 0, input.count - position > length + 1 else { return (try string(), false) }
        for offset in 0..<length where input[position + 1 + offset] != prefix.utf8Start[offset] {
            // An escaped name may be the same.
            let key = try string()
            guard key.utf8.starts(with: UnsafeBufferPointer(start: prefix.utf8Start, count: length)) else {
                return (key, false)
            }
            return (String(key.utf8.dropFirst(length)) ?? "", true)
        }
        position += length
        return (try string(), true)
    }

    private mutating func array() throws(JSONError) -> [JSONValue] {
        var elements: [JSONValue] = []
        try enter()
        skipBlanks()
        if peek() == UInt8(ascii: "]") {
            leave()
            return elements
        }
        while true {
            elements.append(try value())
            skipBlanks()
            switch peek() {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "]"):
                leave()
                return elements
            default: throw error("a ',' or ']' is expected")
            }
        }
    }

    private mutating func enter() throws(JSONError) {
        depth += 1
        guard depth <= Self.maximumDepth else {
            throw error("it is nested more than \(Self.maximumDepth) deep")
        }
        position += 1
    }

    private mutating func leave() {
        depth -= 1
        position += 1
    }

    private mutating func literal(_ text: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        guard skip(text) else { throw error("a value is misspelt") }
        return value
    }

    // MARK: Numbers

    private mutating func number() throws(JSONError) -> JSONValue {
        let start = position
        let isNegative = peek() == UInt8(ascii: "-")
        if isNegative {
            position += 1
            if peek() == UInt8(ascii: "I") { return try literal("Infinity", .double(-.infinity)) }
        }
        guard let first = peek(), (0x30...0x39).contains(first) else { throw error("a digit is expected") }
        var magnitude: UInt64 = 0
        var overflows = false
        let digitsStart = position
        while let byte = peek(), (0x30...0x39).contains(byte) {
            if !overflows {
                let (product, tooLarge) = magnitude.multipliedReportingOverflow(by: 10)
                let (sum, tooLargeStill) = product.addingReportingOverflow(UInt64(byte - 0x30))
                overflows = tooLarge || tooLargeStill
                magnitude = sum
            }
            position += 1
        }
        if first == 0x30, position - digitsStart > 1 {
            position = digitsStart + 1
            throw error("a number has a leading zero")
        }
        var isInteger = true
        if peek() == UInt8(ascii: "."), let next = peek(1), (0x30...0x39).contains(next) {
            isInteger = false
            position += 1
            skipDigits()
        }
        if peek() == UInt8(ascii: "e") || peek() == UInt8(ascii: "E") {
            let isSigned = peek(1) == UInt8(ascii: "+") || peek(1) == UInt8(ascii: "-")
            if let next = peek(isSigned ? 2 : 1), (0x30...0x39).contains(next) {
                isInteger = false
                position += isSigned ? 2 : 1
                skipDigits()
            }
        }
        if isInteger, !overflows {
            if isNegative {
                if magnitude <= UInt64(Int64.max) { return .integer(-Int64(magnitude)) }
                if magnitude == UInt64(Int64.max) + 1 { return .integer(.min) }
            } else if magnitude <= UInt64(Int64.max) {
                return .integer(Int64(magnitude))
            }
        }
        let text = String(decoding: UnsafeBufferPointer(rebasing: input[start..<position]), as: UTF8.self)
        if isInteger { return .number(JSONNumber(unchecked: text)) }
        guard let value = Double(text) else { throw error("a number cannot be read") }
        return .double(value)
    }

    private mutating func skipDigits() {
        while let byte = peek(), (0x30...0x39).contains(byte) { position += 1 }
    }

    // MARK: Strings

    private mutating func string() throws(JSONError) -> String {
        let start = position + 1
        var end = start
        var all: UInt8 = 0
        while end < input.count {
            let byte = input[end]
            if byte == UInt8(ascii: "\"") {
                position = end + 1
                return try text(UnsafeBufferPointer(rebasing: input[start..<end]), isASCII: all < 0x80, at: start)
            }
            if byte == UInt8(ascii: "\\") || byte < 0x20 { break }
            all |= byte
            end += 1
        }
        position = start
        let bytes = try unescaped()
        return try bytes.withUnsafeBufferPointer { buffer throws(JSONError) in
            try text(buffer, isASCII: false, at: start)
        }
    }

    private func text(
        _ bytes: UnsafeBufferPointer<UInt8>, isASCII: Bool, at offset: Int
    ) throws(JSONError) -> String {
        if isASCII { return String(decoding: bytes, as: UTF8.self) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw JSONError(offset: offset, reason: "a string is not UTF-8")
        }
        return text
    }

    /// Reads a string and returns its bytes, unescaped, not checked to be UTF-8. For documents within strings.
    mutating func stringBytes() throws(JSONError) -> [UInt8] {
        skipBlanks()
        guard peek() == UInt8(ascii: "\"") else { throw error("a string is expected") }
        position += 1
        return try unescaped()
    }

    /// Reads the rest of a string, behind its first quote or what was cut behind that.
    private mutating func unescaped() throws(JSONError) -> [UInt8] {
        guard let end = endOfString() else {
            position = input.count
            throw error("the text ends inside a string")
        }
        var failure: JSONError?
        // Unescaped it is no longer than escaped.
        let bytes = [UInt8](unsafeUninitializedCapacity: end - position) { output, count in
            do throws(JSONError) {
                try unescape(until: end, into: output, &count)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        position = end + 1
        return bytes
    }

    /// Where the quote is that ends the string that begins at `position`.
    private func endOfString() -> Int? {
        var place = position
        while place < input.count {
            let byte = input[place]
            if byte == UInt8(ascii: "\"") { return place }
            place += byte == UInt8(ascii: "\\") ? 2 : 1
        }
        return nil
    }

    private mutating func unescape(
        until end: Int, into output: UnsafeMutableBufferPointer<UInt8>, _ count: inout Int
    ) throws(JSONError) {
        var length = 0
        defer { count = length }
        while position < end {
            let byte = input[position]
            if byte < 0x20 { throw error("a string holds an unescaped control character") }
            position += 1
            if byte != UInt8(ascii: "\\") {
                output[length] = byte
                length += 1
                continue
            }
            let scalar = try escape().value
            if scalar < 0x80 {
                output[length] = UInt8(truncatingIfNeeded: scalar)
                length += 1
            } else {
                for unit in Unicode.UTF8.encode(Unicode.Scalar(scalar) ?? "\u{FFFD}") ?? .init() {
                    output[length] = unit
                    length += 1
                }
            }
        }
    }

    private mutating func escape() throws(JSONError) -> Unicode.Scalar {
        guard let byte = peek() else { throw error("the text ends inside a string") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{08}"
        case UInt8(ascii: "f"): return "\u{0C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): break
        default:
            position -= 1
            throw error("no escape begins with this character")
        }
        let unit = try codeUnit()
        if UTF16.isLeadSurrogate(UInt16(unit)), peek() == UInt8(ascii: "\\"), peek(1) == UInt8(ascii: "u") {
            let mark = position
            position += 2
            let second = try codeUnit()
            if UTF16.isTrailSurrogate(UInt16(second)) {
                return Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (second - 0xDC00)) ?? "\u{FFFD}"
            }
            position = mark
        }
        return Unicode.Scalar(unit) ?? "\u{FFFD}"
    }

    private mutating func codeUnit() throws(JSONError) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = peek() else { throw error("the text ends inside a string") }
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x41...0x46: digit = byte - 0x37
            case 0x61...0x66: digit = byte - 0x57
            default: throw error("a \\u is not followed by four hexadecimal digits")
            }
            unit = unit << 4 | UInt32(digit)
            position += 1
        }
        return unit
    }

    // MARK: Bytes

    private func peek(_ ahead: Int = 0) -> UInt8? {
        position + ahead < input.count ? input[position + ahead] : nil
    }

    private mutating func skipBlanks() {
        while let byte = peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func skip(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard input.count - position >= count else { return false }
        for offset in 0..<count where input[position + offset] != text.utf8Start[offset] { return false }
        position += count
        return true
    }

    private func error(_ reason: String) -> JSONError {
        JSONError(offset: position, reason: reason)
    }

    /// Whether a string comes next.
    mutating func nextIsString() -> Bool {
        skipBlanks()
        return peek() == UInt8(ascii: "\"")
    }
}

extension JSONValue {
    /// Reads JSON text; see ``JSONError``.
    public init(parsing bytes: [UInt8]) throws(JSONError) {
        self = try JSONReader.read(bytes)
    }

    /// Reads JSON text; see ``JSONError``.
    public init(parsing text: String) throws(JSONError) {
        self = try JSONReader.read(Array(text.utf8))
    }
}
