/// A pattern of names in which `*` stands for any text and `?` for one character; everything else is itself.
///
/// Matching takes time in proportion to the text for a given pattern: of several `*` only the last is ever tried again.
struct GlobPattern: Hashable, Sendable {
    /// As it was given.
    let text: String
    private let pattern: [UInt8]

    /// Longer ones are refused where they are given.
    static let longest = 255

    /// - Parameter text: at most ``longest`` bytes.
    init?(_ text: String) {
        guard !text.isEmpty, text.utf8.count <= Self.longest else { return nil }
        self.text = text
        pattern = Array(text.utf8)
    }

    /// Whether the pattern means one name and no other.
    var isLiteral: Bool { !pattern.contains(Self.star) && !pattern.contains(Self.question) }

    private static let star = UInt8(ascii: "*")
    private static let question = UInt8(ascii: "?")

    func matches(_ name: String) -> Bool {
        let name = Array(name.utf8)
        var position = 0
        var index = 0
        /// Behind the last `*`, and where in the name the text after it was tried.
        var retry: (pattern: Int, name: Int)?
        while position < name.count {
            if index < pattern.count, pattern[index] == Self.star {
                index += 1
                retry = (index, position)
            } else if index < pattern.count, pattern[index] == Self.question {
                index += 1
                position = Self.end(ofCharacterAt: position, in: name)
            } else if index < pattern.count, pattern[index] == name[position] {
                index += 1
                position += 1
            } else if let last = retry {
                index = last.pattern
                position = last.name + 1
                retry = (last.pattern, position)
            } else {
                return false
            }
        }
        return pattern[index...].allSatisfy { $0 == Self.star }
    }

    /// Behind the bytes of one character of UTF-8.
    private static func end(ofCharacterAt position: Int, in name: [UInt8]) -> Int {
        var end = position + 1
        while end < name.count, name[end] & 0xC0 == 0x80 { end += 1 }
        return end
    }
}

extension [GlobPattern] {
    /// Whether one of them matches; no pattern means that every name is wanted, one that isn't known too.
    func allow(_ name: String?) -> Bool {
        guard !isEmpty else { return true }
        guard let name else { return false }
        return contains { $0.matches(name) }
    }
}
