/// The references in a text, as Python's `string.Template` finds them with oslo.config's names.
enum Interpolation {
    enum Piece {
        case text(Substring.UnicodeScalarView)
        case reference(String)
    }

    /// `$name`, `${name}`; `$$` and `\$` are a dollar sign, and any other `$` is itself.
    static func pieces(of text: String) -> [Piece] {
        var pieces: [Piece] = []
        var rest = text.replacing("\\$", with: "$$").unicodeScalars[...]
        while let dollar = rest.firstIndex(of: "$") {
            if dollar > rest.startIndex { pieces.append(.text(rest[..<dollar])) }
            let tail = rest[rest.index(after: dollar)...]
            if tail.first == "$" {
                pieces.append(.text(tail.prefix(1)))
                rest = tail.dropFirst()
                continue
            }
            if tail.first == "{" {
                let name = name(at: tail.dropFirst())
                if !name.isEmpty, name.endIndex < tail.endIndex, tail[name.endIndex] == "}" {
                    pieces.append(.reference(String(name)))
                    rest = tail[tail.index(after: name.endIndex)...]
                    continue
                }
            }
            let name = name(at: tail)
            if name.isEmpty {
                pieces.append(.text(rest[dollar...].prefix(1)))
            } else {
                pieces.append(.reference(String(name)))
            }
            rest = tail[name.endIndex...]
        }
        if !rest.isEmpty { pieces.append(.text(rest)) }
        return pieces
    }

    private static func name(at text: Substring.UnicodeScalarView) -> Substring.UnicodeScalarView {
        guard let first = text.first, isLetter(first) || first == "_" else { return text.prefix(0) }
        return text.prefix { isLetter($0) || $0 == "_" || $0 == "." || ("0"..."9").contains($0) }
    }

    /// Also the letters that Python's `[a-z]` matches when letter case is ignored.
    private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "\u{130}", "\u{131}", "\u{17F}", "\u{212A}": true
        default: false
        }
    }
}
