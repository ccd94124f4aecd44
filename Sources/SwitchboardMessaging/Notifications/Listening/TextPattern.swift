/// A regular expression that must match from the start of a text, not to its end: Python's `re.match`.
///
/// Patterns that are plain text, with or without `^`, `$` and a last `.*`, which most are, are compared as such. For the
/// others there is no pattern and no text that takes longer than in proportion to both (``PatternProgram``).
final class TextPattern: Sendable {
    private enum Kind {
        case prefix([UInt8])
        case whole([UInt8])
        case expression(PatternProgram)
    }

    let source: String
    private let kind: Kind

    init(_ source: String) throws(PatternError) {
        self.source = source
        if let plain = PlainPattern(source) {
            kind = plain.isWhole ? .whole(plain.text) : .prefix(plain.text)
        } else {
            kind = .expression(try PatternProgram(source))
        }
    }

    func matches(_ text: String) -> Bool {
        switch kind {
        case .prefix(let prefix):
            return text.utf8.starts(with: prefix)
        case .whole(let whole):
            // Python's `$` matches before a last line feed too.
            guard text.utf8.starts(with: whole) else { return false }
            let rest = text.utf8.dropFirst(whole.count)
            return rest.isEmpty || rest.elementsEqual([0x0A])
        case .expression(let expression):
            return expression.matchesPrefix(of: text)
        }
    }
}

/// A pattern that is plain text.
private struct PlainPattern {
    private(set) var text: [UInt8] = []
    private(set) var isWhole = false

    /// `nil` when the pattern has anything that must be interpreted.
    init?(_ source: String) {
        var rest = source.unicodeScalars[...]
        if rest.first == "^" { rest.removeFirst() }
        while let scalar = rest.popFirst() {
            switch scalar {
            case "\\":
                guard let next = rest.popFirst(), next.isASCII, next.properties.isPatternSyntax else { return nil }
                text.append(UInt8(ascii: next))
            case "$":
                guard rest.isEmpty else { return nil }
                isWhole = true
            case ".":
                // `.*` at the end matches whatever comes.
                guard rest.elementsEqual(["*"]) else { return nil }
                return
            case "^", "|", "(", ")", "[", "]", "{", "}", "*", "+", "?":
                return nil
            default:
                // What repeats this scalar makes it no plain text.
                if let next = rest.first, "*+?{".unicodeScalars.contains(next) { return nil }
                text.append(contentsOf: Array(String(scalar).utf8))
            }
        }
    }
}
