extension String {
    /// The text as a terminal, a log or a table can take it, whoever has written it: control and format characters (those
    /// that move the cursor, change colours, turn the direction of writing, or are not to be seen) and line breaks are
    /// shown as `\u{1b}`.
    package var printable: String {
        let isPlain = utf8.allSatisfy { (0x20...0x7E).contains($0) }
        if isPlain || unicodeScalars.allSatisfy(\.isPrintable) { return self }
        var result = ""
        for scalar in unicodeScalars {
            if scalar.isPrintable {
                result.unicodeScalars.append(scalar)
            } else {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            }
        }
        return result
    }
}

extension Unicode.Scalar {
    /// Whether the scalar shows itself, and nothing else.
    package var isPrintable: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: false
        // Letters that are blanks, and what no font has.
        default: !properties.isDefaultIgnorableCodePoint || isVariationSelector
        }
    }

    /// Chooses between two pictures of the character before it.
    private var isVariationSelector: Bool { (0xFE00...0xFE0F).contains(value) }
}
