extension JSONReader {
    /// Reads a member's name.
    @inline(__always)
    mutating func name(expecting expected: ExpectedNames?, _ next: inout Int) throws(JSONError) -> MemberName {
        guard let expected else { return MemberName(text: try string(), isCut: false, expected: nil) }
        let start = position + quoteLength
        if let (index, end) = expected.find(in: input, count, at: start, from: next, isQuote: { isQuote(at: $0) }) {
            position = end + quoteLength
            next = index + 1
            return MemberName(text: expected.names[index], isCut: true, expected: index)
        }
        let (text, isCut) = try name(cutting: expected.prefix)
        return MemberName(text: text, isCut: isCut, expected: nil)
    }

    /// Reads a member's name. Cuts the prefix before a string is made of it: what is left is often short enough to need
    /// no memory of its own.
    private mutating func name(cutting prefix: StaticString) throws(JSONError) -> (String, isCut: Bool) {
        let start = position + quoteLength
        let length = prefix.utf8CodeUnitCount
        guard count - start > length else { return (try text(inside: start), false) }
        for offset in 0..<length where input[start + offset] != prefix.utf8Start[offset] {
            let key = try text(inside: start)
            // An escaped name may be the same.
            guard input[start + offset] == UInt8(ascii: "\\"),
                key.utf8.starts(with: UnsafeBufferPointer(start: prefix.utf8Start, count: length))
            else { return (key, false) }
            return (String(key.utf8.dropFirst(length)) ?? "", true)
        }
        return (try text(inside: start + length), true)
    }

    /// Reads a name that is one of the expected ones; `nil`, and nothing is read, where none is told.
    @inline(__always)
    mutating func expectedName(_ expected: ExpectedNames, _ next: inout Int) -> Int? {
        let start = position + quoteLength
        guard
            let (index, end) = expected.find(in: input, count, at: start, from: next, isQuote: { isQuote(at: $0) })
        else { return nil }
        position = end + quoteLength
        next = index + 1
        return index
    }

    /// Reads a comma, an expected name and its colon; `nil`, and nothing is read, where none is told.
    @inline(__always)
    mutating func expectedMember(_ expected: ExpectedNames.NestedMembers, _ next: inout Int) -> Int? {
        guard let (index, end) = expected.find(in: input, count, at: position, from: next) else { return nil }
        position = end
        next = index + 1
        return index
    }
}
