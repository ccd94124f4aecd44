/// A regular expression as a tree: what Python's `re` takes, without what cannot be matched in linear time.
indirect enum PatternSyntax {
    case empty
    case set(ScalarSet)
    case assertion(Assertion)
    case sequence([PatternSyntax])
    case choice([PatternSyntax])
    /// `most` is `nil` for any number.
    case repetition(PatternSyntax, least: Int, most: Int?)

    enum Assertion {
        /// `\A`, `\Z`: the text's own beginning and end.
        case start, end
        /// `^` and `$` in several lines, and `$` in one, which takes a last line feed.
        case lineStart, lineEnd, endOrLastLineFeed
        case wordBoundary, noWordBoundary
    }
}

/// A set of scalars: ranges, and Python's classes; perhaps all others.
struct ScalarSet {
    enum Class {
        case digit, space, word, notDigit, notSpace, notWord
    }

    var ranges: [ClosedRange<UInt32>] = []
    var classes: [Class] = []
    var isNegated = false
    var ignoresCase = false

    static let any = ScalarSet(isNegated: true)
    static let anyButLineFeed = ScalarSet(ranges: [0x0A...0x0A], isNegated: true)

    func contains(_ scalar: Unicode.Scalar) -> Bool {
        var isMember = hasPlainly(scalar)
        if !isMember, ignoresCase {
            isMember = scalar.otherCases.contains { hasPlainly($0) }
        }
        return isMember != isNegated
    }

    private func hasPlainly(_ scalar: Unicode.Scalar) -> Bool {
        ranges.contains { $0.contains(scalar.value) } || classes.contains { $0.contains(scalar) }
    }
}

extension ScalarSet.Class {
    fileprivate func contains(_ scalar: Unicode.Scalar) -> Bool {
        switch self {
        case .digit: scalar.properties.generalCategory == .decimalNumber
        case .notDigit: scalar.properties.generalCategory != .decimalNumber
        case .space: scalar.isPythonSpace
        case .notSpace: !scalar.isPythonSpace
        case .word: scalar.isPythonWord
        case .notWord: !scalar.isPythonWord
        }
    }
}

extension Unicode.Scalar {
    /// What `\w` matches: letters, numbers and `_`.
    var isPythonWord: Bool {
        if isASCII {
            return self == "_" || ("a"..."z").contains(self) || ("A"..."Z").contains(self) || ("0"..."9").contains(self)
        }
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return true
        case .decimalNumber, .letterNumber, .otherNumber: return true
        default: return false
        }
    }

    /// What `\s` matches.
    fileprivate var isPythonSpace: Bool {
        (0x1C...0x1F).contains(value) || properties.isWhitespace
    }

    /// The scalar in other letter cases, where that is one scalar.
    fileprivate var otherCases: [Unicode.Scalar] {
        let mappings = [properties.lowercaseMapping, properties.uppercaseMapping]
        var cases = mappings.compactMap { $0.unicodeScalars.count == 1 ? $0.unicodeScalars.first : nil }
        // One step more: the long s is an S, and that an s.
        cases += cases.compactMap { scalar in
            let lower = scalar.properties.lowercaseMapping.unicodeScalars
            return lower.count == 1 ? lower.first : nil
        }
        return cases
    }
}
