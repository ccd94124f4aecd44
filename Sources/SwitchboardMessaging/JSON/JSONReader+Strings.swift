extension JSONReader {
    var quoteLength: Int { isNested ? 2 : 1 }

    mutating func string() throws(JSONError) -> String {
        try text(inside: position + quoteLength)
    }

    /// Reads a string that is ASCII without escapes, and has `body` look at its bytes; `nil`, and nothing is read, where the
    /// next value is another.
    @inline(__always)
    mutating func plainString<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result? {
        skipBlanks()
        guard isQuote(at: position) else { return nil }
        let start = position + quoteLength
        let (end, all) = plainRun(from: start)
        guard isQuote(at: end), all.areASCII else { return nil }
        position = end + quoteLength
        return body(UnsafeBufferPointer(start: input + start, count: end - start))
    }

    /// Where the bytes of a string end that stand for themselves, from a place inside of it on; and those, merged.
    @inline(__always)
    private func plainRun(from start: Int) -> (end: Int, all: ByteLanes) {
        let skipped = ByteLanes.skipPlain(input, count, from: start)
        var (end, all) = (start &+ skipped.length, skipped.all)
        while end < count {
            let lanes = ByteLanes(input, count, from: end)
            let plain = lanes.plainToRead
            end &+= plain
            guard plain == 8 else {
                all.merge(lanes.first(plain))
                break
            }
            all.merge(lanes)
        }
        return (end, all)
    }

    /// Reads a string from a place inside of it on.
    mutating func text(inside start: Int) throws(JSONError) -> String {
        let (end, all) = plainRun(from: start)
        guard isQuote(at: end) else { return try escapedText(from: start) }
        position = end + quoteLength
        return try text(UnsafeBufferPointer(start: input + start, count: end - start), isASCII: all.areASCII, at: start)
    }

    private mutating func escapedText(from start: Int) throws(JSONError) -> String {
        if isNested { return try nestedEscapedText(from: start) }
        guard let (end, isASCII) = endOfString(from: start) else { throw unended() }
        // Unescaped it is no longer than escaped; eight more let its last bytes be written eight at a time too.
        let capacity = end - start + 8
        return try withUnsafeTemporaryAllocation(of: UInt8.self, capacity: capacity) { output throws(JSONError) in
            let length = try unescape(from: start, into: output)
            let bytes = UnsafeBufferPointer(rebasing: output[..<length])
            guard isASCII else { return try text(bytes, isASCII: false, at: start) }
            // What was ASCII is UTF-8 when it is unescaped.
            var span = UTF8Span(unchecked: bytes.span)
            _ = span.checkForASCII()
            return String(copying: span)
        }
    }

    /// Reads a string of a document within a string: takes one level of escapes away, then reads what is left.
    private mutating func nestedEscapedText(from start: Int) throws(JSONError) -> String {
        let end = try endOfNestedString(from: start)
        position = end + quoteLength
        // With a quote behind it.
        return try withUnsafeTemporaryAllocation(of: UInt8.self, capacity: end - start + 1) {
            output throws(JSONError) in
            var (place, length) = (start, 0)
            while place < end {
                if input[place] == UInt8(ascii: "\\") { place &+= 1 }
                output[length] = input[place]
                length &+= 1
                place &+= 1
            }
            output[length] = UInt8(ascii: "\"")
            var reader = JSONReader(UnsafeBufferPointer(rebasing: output[...length]))
            return try reader.text(inside: 0)
        }
    }

    /// Where the quote is that ends a string of a document within a string. All escapes of the outer string are of
    /// quotes and backslashes, or it throws.
    private func endOfNestedString(from start: Int) throws(JSONError) -> Int {
        var place = start
        /// Whether a backslash of the inner string comes before.
        var isEscaped = false
        while place &+ 1 < count {
            let byte = input[place]
            guard byte != UInt8(ascii: "\""), byte >= 0x20 else { break }
            guard byte == UInt8(ascii: "\\") else {
                isEscaped = false
                place &+= 1
                continue
            }
            switch input[place &+ 1] {
            case UInt8(ascii: "\"") where !isEscaped: return place
            case UInt8(ascii: "\""): isEscaped = false
            case UInt8(ascii: "\\"): isEscaped.toggle()
            default: throw error("a string within a string is escaped in another way")
            }
            place &+= 2
        }
        throw error("a string within a string does not end")
    }

    private func text(
        _ bytes: UnsafeBufferPointer<UInt8>, isASCII: Bool, at offset: Int
    ) throws(JSONError) -> String {
        if isASCII { return String(copying: UTF8Span(unchecked: bytes.span, isKnownASCII: true)) }
        do {
            return String(copying: try UTF8Span(validating: bytes.span))
        } catch {
            throw JSONError(offset: offset, reason: "a string is not UTF-8")
        }
    }

    /// Reads a string and returns its bytes, unescaped, not checked to be UTF-8. For documents within strings.
    mutating func stringBytes() throws(JSONError) -> [UInt8] {
        skipBlanks()
        guard next(is: "\"") else { throw error("a string is expected") }
        position += 1
        let start = position
        // Such a document is nearly all that is left of the text. Of a long one the end is looked for: somebody may
        // have written many short ones.
        var capacity = count - start
        if capacity > 65_536 {
            guard let end = endOfString(from: start)?.end else { throw unended() }
            capacity = end - start
        }
        return try [UInt8](unsafeUninitializedCapacity: capacity) { output, length throws(JSONError) in
            length = try unescape(from: start, into: output)
        }
    }

    /// Where the quote is that ends a string, from a place inside of it on, and whether all before it is ASCII.
    private func endOfString(from start: Int) -> (end: Int, isASCII: Bool)? {
        var place = start
        var all = ByteLanes.none
        while place < count {
            let lanes = ByteLanes(input, count, from: place)
            let plain = lanes.plainToRead
            all.merge(lanes.first(plain))
            place &+= plain
            guard plain < 8, place < count else { continue }
            if input[place] == UInt8(ascii: "\"") { return (place, all.areASCII) }
            // What is escaped is ASCII, or refused.
            place &+= input[place] == UInt8(ascii: "\\") ? 2 : 1
        }
        return nil
    }

    private mutating func unended() -> JSONError {
        position = count
        return error("the text ends inside a string")
    }

    /// Reads a string from a place inside of it on; returns its length. `output` has room for all of it as it is
    /// written, escaped.
    private mutating func unescape(
        from start: Int, into output: UnsafeMutableBufferPointer<UInt8>
    ) throws(JSONError) -> Int {
        guard let text = output.baseAddress else { throw unended() }
        var place = start
        var length = 0
        while place < count {
            let lanes = ByteLanes(input, count, from: place)
            let plain = lanes.plainToRead
            if length &+ 8 <= output.count {
                // Those behind the plain ones are written over.
                lanes.store(to: text + length)
            } else {
                (text + length).update(from: input + place, count: plain)
            }
            place &+= plain
            length &+= plain
            guard plain < 8, place < count else { continue }
            let byte = input[place]
            if byte == UInt8(ascii: "\\"), place &+ 1 < count {
                let escaped = input[place &+ 1]
                if escaped == UInt8(ascii: "\"") || escaped == UInt8(ascii: "\\") {
                    text[length] = escaped
                    length &+= 1
                    place &+= 2
                    continue
                }
            }
            position = place
            if byte == UInt8(ascii: "\"") {
                position += 1
                return length
            }
            do throws(JSONError) {
                if byte != UInt8(ascii: "\\") { throw error("a string holds an unescaped control character") }
                position += 1
                for unit in Unicode.UTF8.encode(try escape()) ?? .init() {
                    text[length] = unit
                    length += 1
                }
            } catch {
                // That it does not end comes before what is wrong inside of it.
                throw endOfString(from: start) == nil ? unended() : error
            }
            place = position
        }
        throw unended()
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
        if UTF16.isLeadSurrogate(UInt16(unit)), next(is: "\\"), peek(1) == UInt8(ascii: "u") {
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
}
