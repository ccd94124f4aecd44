/// Reads JSON text as Python's `json.loads` does. Total: any bytes give a value or a ``JSONError``.
///
/// Accepts `NaN`, `Infinity`, `-Infinity` and integers of any size. Of an object's members with one name the last one
/// counts. An unpaired surrogate (`\ud800`), which no Swift string can hold, becomes U+FFFD. Not accepted: documents
/// nested more than 512 deep, bytes that are not UTF-8, control characters inside strings.
struct JSONReader {
    static let maximumDepth = 512

    let input: UnsafePointer<UInt8>
    let count: Int
    var position = 0
    private var depth = 0
    /// Whether what is read is a document within a string, with a backslash before each quote.
    private(set) var isNested = false

    /// Valid as long as `input` is.
    init(_ input: UnsafeBufferPointer<UInt8>) {
        self.input = input.baseAddress ?? StaticString("").utf8Start
        count = input.count
    }

    /// Reads a document that is all of `bytes`.
    static func read(_ bytes: [UInt8]) throws(JSONError) -> JSONValue {
        try withReader(of: bytes) { reader throws(JSONError) in try reader.document() }
    }

    static func withReader<Result>(
        of bytes: [UInt8], _ body: (inout JSONReader) throws(JSONError) -> Result
    ) throws(JSONError) -> Result {
        try bytes.withUnsafeBufferPointer { input throws(JSONError) in
            var reader = JSONReader(input)
            return try body(&reader)
        }
    }

    /// Reads a document that is all of `text`.
    static func read(_ text: String) throws(JSONError) -> JSONValue {
        try text.utf8.span.withUnsafeBufferPointer { input throws(JSONError) in
            var reader = JSONReader(input)
            return try reader.document()
        }
    }

    private mutating func document() throws(JSONError) -> JSONValue {
        let value = try value()
        try end()
        return value
    }

    // MARK: Values

    mutating func value() throws(JSONError) -> JSONValue {
        skipBlanks()
        guard position < count else { throw error("the text ends where a value is expected") }
        switch input[position] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            guard isQuote(at: position) else { throw error("no value begins with this byte") }
            return .string(try string())
        case UInt8(ascii: "{"): return .object(try object())
        case UInt8(ascii: "["): return .array(try array())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"):
            // What most members of a context are.
            if hasFour("null") {
                position += 4
                return .null
            }
            throw error("a value is misspelt")
        case UInt8(ascii: "N"): return try literal("NaN", .double(.nan))
        case UInt8(ascii: "I"): return try literal("Infinity", .double(.infinity))
        case UInt8(ascii: "-"), 0x30...0x39: return try number()
        default: throw error("no value begins with this byte")
        }
    }

    /// Nothing but blanks may follow.
    mutating func end() throws(JSONError) {
        skipBlanks()
        guard position == count else { throw error("there is more after the end of the value") }
    }

    private mutating func object() throws(JSONError) -> JSONObject {
        var builder = JSONObjectBuilder()
        try members { reader, key throws(JSONError) in builder.set(key, try reader.value()) }
        return builder.object
    }

    /// Reads an object, and has `body` read the value of each member.
    @inline(__always)
    mutating func members(
        _ body: (inout JSONReader, String) throws(JSONError) -> Void
    ) throws(JSONError) {
        try members(expecting: nil) { reader, name throws(JSONError) in try body(&reader, name.text) }
    }

    /// Reads an object, and has `body` read the value of each member. From names that begin with the prefix of the
    /// expected ones it is cut, and `body` is told so.
    @inline(__always)
    mutating func members(
        expecting expected: ExpectedNames?, _ body: (inout JSONReader, MemberName) throws(JSONError) -> Void
    ) throws(JSONError) {
        var nextExpected = 0
        try members(
            named: { reader throws(JSONError) in try reader.name(expecting: expected, &nextExpected) }, body)
    }

    /// Reads an object, and has `name` read the name and `body` the value of each member.
    ///
    /// - Parameter following: reads a comma, a name and its colon where it finds what it expects, or nothing.
    @inline(__always)
    mutating func members<Name>(
        following: (inout JSONReader) -> Name? = { _ in nil },
        named name: (inout JSONReader) throws(JSONError) -> Name,
        _ body: (inout JSONReader, Name) throws(JSONError) -> Void
    ) throws(JSONError) {
        skipBlanks()
        guard next(is: "{") else { throw error("an object is expected") }
        try enter()
        skipBlanks()
        if next(is: "}") { return leave() }
        while true {
            skipBlanks()
            guard isQuote(at: position) else { throw error("a member's name is expected, in double quotes") }
            var name = try name(&self)
            skipBlanks()
            guard next(is: ":") else { throw error("a ':' is expected after a member's name") }
            position += 1
            while true {
                try body(&self, name)
                guard let next = following(&self) else { break }
                name = next
            }
            skipBlanks()
            if next(is: ",") {
                position += 1
            } else if next(is: "}") {
                return leave()
            } else {
                throw error("a ',' or '}' is expected")
            }
        }
    }

    private mutating func array() throws(JSONError) -> [JSONValue] {
        var elements: [JSONValue] = []
        try enter()
        skipBlanks()
        if next(is: "]") {
            leave()
            return elements
        }
        // Else it would grow from one to two to four.
        elements.reserveCapacity(4)
        while true {
            elements.append(try value())
            skipBlanks()
            if next(is: ",") {
                position += 1
            } else if next(is: "]") {
                leave()
                return elements
            } else {
                throw error("a ',' or ']' is expected")
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

    @inline(__always)
    mutating func literal(_ text: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        guard skip(text) else { throw error("a value is misspelt") }
        return value
    }

    // MARK: Bytes

    @inline(__always)
    func peek(_ ahead: Int = 0) -> UInt8? {
        position + ahead < count ? input[position + ahead] : nil
    }

    @inline(__always)
    func next(is character: Unicode.Scalar) -> Bool {
        position < count && input[position] == UInt8(ascii: character)
    }

    @inline(__always)
    mutating func skipBlanks() {
        while position < count {
            let byte = input[position]
            // Most of the time there is none, or one.
            guard byte <= 0x20, byte == 0x20 || !isNested && (byte == 0x0A || byte == 0x0D || byte == 0x09) else {
                return
            }
            position += 1
        }
    }

    /// Whether these four bytes come next.
    @inline(__always)
    private func hasFour(_ text: StaticString) -> Bool {
        guard count &- position >= 4 else { return false }
        return UnsafeRawPointer(input + position).loadUnaligned(as: UInt32.self)
            == UnsafeRawPointer(text.utf8Start).loadUnaligned(as: UInt32.self)
    }

    /// Reads `null`, if that is the next value.
    @inline(__always)
    mutating func skipNull() -> Bool {
        skipBlanks()
        guard hasFour("null") else { return false }
        position += 4
        return true
    }

    /// Reads `true` or `false`, if that is the next value.
    @inline(__always)
    mutating func bool() -> Bool? {
        skipBlanks()
        let value = hasFour("true")
        guard value || hasFour("fals") && peek(4) == UInt8(ascii: "e") else { return nil }
        position += value ? 4 : 5
        return value
    }

    private mutating func skip(_ text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard count - position >= length else { return false }
        let (one, other) = (UnsafeRawPointer(input + position), UnsafeRawPointer(text.utf8Start))
        var offset = 0
        while length &- offset >= 8 {
            let word = one.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            guard word == other.loadUnaligned(fromByteOffset: offset, as: UInt64.self) else { return false }
            offset &+= 8
        }
        while offset < length {
            guard input[position + offset] == text.utf8Start[offset] else { return false }
            offset &+= 1
        }
        position += length
        return true
    }

    func error(_ reason: String) -> JSONError {
        JSONError(offset: position, reason: reason)
    }

    /// Whether a string comes next.
    mutating func nextIsString() -> Bool {
        skipBlanks()
        return isQuote(at: position)
    }

    /// Whether a string begins or ends there.
    @inline(__always)
    func isQuote(at place: Int) -> Bool {
        guard isNested else { return place < count && input[place] == UInt8(ascii: "\"") }
        return place &+ 1 < count && input[place] == UInt8(ascii: "\\") && input[place &+ 1] == UInt8(ascii: "\"")
    }

    /// Has `body` read the document within a string, of which `opening` is all before and `closing` all behind, without
    /// taking the string out first. Throws where it is written in another way than needed, too: then read it as a string.
    @inline(__always)
    mutating func nested(
        after opening: StaticString, before closing: StaticString, _ body: (inout JSONReader) throws(JSONError) -> Void
    ) throws(JSONError) {
        guard skip(opening) else { throw error("a document within a string is expected") }
        isNested = true
        try body(&self)
        isNested = false
        guard skip(closing), position == count else { throw error("the string's end is expected") }
    }
}

extension JSONValue {
    /// Reads JSON text; see ``JSONError``.
    public init(parsing bytes: [UInt8]) throws(JSONError) {
        self = try JSONReader.read(bytes)
    }

    /// Reads JSON text; see ``JSONError``.
    public init(parsing text: String) throws(JSONError) {
        self = try JSONReader.read(text)
    }
}
