/// What is wrong with a pattern, and where: a sentence without the pattern.
struct PatternError: Error, CustomStringConvertible {
    let description: String

    init(_ reason: String, at place: Int? = nil) {
        description = place.map { "\(reason), at character \($0 + 1)" } ?? reason
    }
}

/// Reads a pattern of Python's `re`. References to groups, look-around, atomic groups and possessive repetitions are
/// refused: no program matches them in time that grows with the text alone.
struct PatternParser {
    private struct Flags {
        var ignoresCase = false
        var multiline = false
        var dotTakesAll = false
        var isVerbose = false
    }

    private let scalars: [Unicode.Scalar]
    private var index = 0
    private var depth = 0
    private var flags = Flags()

    /// Groups inside of groups: more than anybody writes, and fewer than the stack takes.
    private static let maximumDepth = 100
    static let maximumLength = 10_000

    static func parse(_ source: String) throws(PatternError) -> PatternSyntax {
        guard source.unicodeScalars.count <= maximumLength else {
            throw PatternError("it is longer than \(maximumLength) characters")
        }
        var parser = PatternParser(scalars: Array(source.unicodeScalars))
        let syntax = try parser.choice()
        if parser.index < parser.scalars.count { throw PatternError("a ')' closes nothing", at: parser.index) }
        return syntax
    }

    private init(scalars: [Unicode.Scalar]) {
        self.scalars = scalars
    }

    // MARK: Structure

    private mutating func choice() throws(PatternError) -> PatternSyntax {
        var branches = [try sequence()]
        while take("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func sequence() throws(PatternError) -> PatternSyntax {
        var items: [PatternSyntax] = []
        while let next = peek, next != "|", next != ")" {
            if flags.isVerbose, skipsVerbosely(next) { continue }
            let place = index
            guard let item = try item() else { continue }
            items.append(try repeated(item, from: place))
        }
        return items.count == 1 ? items[0] : items.isEmpty ? .empty : .sequence(items)
    }

    /// In verbose patterns blanks and comments are nothing.
    private mutating func skipsVerbosely(_ next: Unicode.Scalar) -> Bool {
        if " \t\n\r\u{B}\u{C}".unicodeScalars.contains(next) {
            index += 1
            return true
        }
        guard next == "#" else { return false }
        while let scalar = peek, scalar != "\n" {
            _ = scalar
            index += 1
        }
        return true
    }

    /// `nil` for what matches nothing and cannot be repeated: a comment, flags.
    private mutating func item() throws(PatternError) -> PatternSyntax? {
        let place = index
        let scalar = scalars[index]
        index += 1
        switch scalar {
        case ".": return .set(flags.dotTakesAll ? .any : .anyButLineFeed)
        case "^": return .assertion(flags.multiline ? .lineStart : .start)
        case "$": return .assertion(flags.multiline ? .lineEnd : .endOrLastLineFeed)
        case "(": return try group(from: place)
        case "[": return .set(try set(from: place))
        case "\\": return try escape(from: place)
        case "*", "+", "?": throw PatternError("there is nothing to repeat", at: place)
        case "{" where bounds(behind: place) != nil: throw PatternError("there is nothing to repeat", at: place)
        default: return .set(literal(scalar.value...scalar.value))
        }
    }

    private func literal(_ range: ClosedRange<UInt32>) -> ScalarSet {
        ScalarSet(ranges: [range], ignoresCase: flags.ignoresCase)
    }

    // MARK: Repetition

    private mutating func repeated(_ item: PatternSyntax, from place: Int) throws(PatternError) -> PatternSyntax {
        if flags.isVerbose { while let next = peek, skipsVerbosely(next) {} }
        let start = index
        guard let (least, most, end) = repetition() else { return item }
        if case .assertion = item { throw PatternError("there is nothing to repeat", at: start) }
        index = end
        if let most, most < least { throw PatternError("the least number of repetitions is above the most", at: start) }
        // As few as possible or as many: whether there is a match is the same.
        if !take("?"), peek == "+" {
            throw PatternError("possessive repetitions are not supported; leave the '+' out", at: index)
        }
        if repetition() != nil { throw PatternError("a repetition is repeated; put it in (?:…)", at: index) }
        return .repetition(item, least: least, most: most)
    }

    /// The repetition that stands here, and where it ends.
    private func repetition() -> (least: Int, most: Int?, end: Int)? {
        switch peek {
        case "*": (0, nil, index + 1)
        case "+": (1, nil, index + 1)
        case "?": (0, 1, index + 1)
        case "{": bounds(behind: index)
        default: nil
        }
    }

    /// `{2}`, `{2,}`, `{,3}` or `{2,3}`; any other brace is one.
    private func bounds(behind brace: Int) -> (least: Int, most: Int?, end: Int)? {
        guard let end = scalars[brace...].prefix(64).firstIndex(of: "}"), end > brace + 1 else { return nil }
        let parts = scalars[(brace + 1)..<end].split(separator: ",", maxSplits: 1, omittingEmptySubsequences: false)
        var numbers: [Int?] = []
        for part in parts {
            guard part.allSatisfy({ ("0"..."9").contains($0) }) else { return nil }
            // A number beyond all is too large for every pattern.
            let digits = String(String.UnicodeScalarView(part))
            numbers.append(part.isEmpty ? nil : Int(digits) ?? .max)
        }
        guard let first = numbers.first else { return nil }
        if numbers.count == 1 { return first.map { ($0, $0, end + 1) } }
        return (first ?? 0, numbers[1], end + 1)
    }

    // MARK: Groups

    private mutating func group(from place: Int) throws(PatternError) -> PatternSyntax? {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.maximumDepth else { throw PatternError("its groups are nested too deeply", at: place) }
        let outer = flags
        if take("?") {
            let kind = next()
            switch kind {
            case ":": break
            case "P": try groupName(from: place)
            case "#":
                guard let end = scalars[index...].firstIndex(of: ")") else {
                    throw PatternError("a comment has no end", at: place)
                }
                index = end + 1
                return nil
            case "=", "!", "<": throw PatternError("look-ahead and look-behind are not supported", at: place)
            case ">": throw PatternError("atomic groups are not supported", at: place)
            case "(": throw PatternError("conditional groups are not supported", at: place)
            default:
                index -= kind == nil ? 0 : 1
                if try flagGroup(from: place) { return nil }
            }
        }
        let content = try choice()
        guard take(")") else { throw PatternError("a '(' is not closed", at: place) }
        flags = outer
        // So that it can be repeated whatever is in it.
        return .sequence([content])
    }

    private mutating func groupName(from place: Int) throws(PatternError) {
        if peek == "=" { throw PatternError("references to groups are not supported", at: place) }
        guard take("<"), let end = scalars[index...].firstIndex(of: ">"), end > index,
            scalars[index..<end].allSatisfy(\.isPythonWord)
        else { throw PatternError("a group has no name that can be used", at: place) }
        index = end + 1
    }

    /// Reads `(?i)`, which is for all that follows, or `(?i:`, which is for the group. Returns whether it was the former.
    private mutating func flagGroup(from place: Int) throws(PatternError) -> Bool {
        var isOn = true
        while let flag = next() {
            switch flag {
            case "i": flags.ignoresCase = isOn
            case "m": flags.multiline = isOn
            case "s": flags.dotTakesAll = isOn
            case "x": flags.isVerbose = isOn
            case "u" where isOn: break
            case "-" where isOn: isOn = false
            case ":": return false
            case ")" where isOn:
                guard depth == 1, place == 0 else {
                    throw PatternError("flags for the whole pattern stand at its beginning", at: place)
                }
                return true
            default: throw PatternError("a group begins with (?\(flag), which is not supported", at: place)
            }
        }
        throw PatternError("a '(' is not closed", at: place)
    }

    // MARK: Sets and escapes

    private mutating func set(from place: Int) throws(PatternError) -> ScalarSet {
        var set = ScalarSet(isNegated: take("^"), ignoresCase: flags.ignoresCase)
        var isFirst = true
        while let scalar = next() {
            if scalar == "]", !isFirst { return set }
            isFirst = false
            let low = try member(scalar, of: &set)
            guard peek == "-", index + 1 < scalars.count, scalars[index + 1] != "]" else {
                if let low { set.ranges.append(low...low) }
                continue
            }
            index += 1
            guard let low, let last = next(), let high = try member(last, of: &set), high >= low else {
                throw PatternError("a range of a set is none", at: index - 1)
            }
            set.ranges.append(low...high)
        }
        throw PatternError("a '[' is not closed", at: place)
    }

    /// One scalar of a set; a class is put into the set.
    private mutating func member(_ scalar: Unicode.Scalar, of set: inout ScalarSet) throws(PatternError) -> UInt32? {
        guard scalar == "\\" else { return scalar.value }
        let place = index - 1
        guard let letter = next() else { throw PatternError("a '\\' stands at the end", at: place) }
        if let known = Self.setClass(letter) {
            set.classes.append(known)
            return nil
        }
        if letter == "b" { return 0x08 }
        return try code(letter, from: place)
    }

    private mutating func escape(from place: Int) throws(PatternError) -> PatternSyntax {
        guard let letter = next() else { throw PatternError("a '\\' stands at the end", at: place) }
        if let known = Self.setClass(letter) { return .set(ScalarSet(classes: [known])) }
        switch letter {
        case "A": return .assertion(.start)
        case "Z", "z": return .assertion(.end)
        case "b": return .assertion(.wordBoundary)
        case "B": return .assertion(.noWordBoundary)
        case "1"..."9": throw PatternError("references to groups are not supported", at: place)
        default:
            let code = try code(letter, from: place)
            return .set(literal(code...code))
        }
    }

    private static func setClass(_ letter: Unicode.Scalar) -> ScalarSet.Class? {
        switch letter {
        case "d": .digit
        case "D": .notDigit
        case "s": .space
        case "S": .notSpace
        case "w": .word
        case "W": .notWord
        default: nil
        }
    }

    /// The scalar that an escape stands for.
    private mutating func code(_ letter: Unicode.Scalar, from place: Int) throws(PatternError) -> UInt32 {
        switch letter {
        case "n": return 0x0A
        case "t": return 0x09
        case "r": return 0x0D
        case "f": return 0x0C
        case "v": return 0x0B
        case "a": return 0x07
        case "0": return digits(upTo: 2, radix: 8) ?? 0
        case "x": return try number(2, from: place)
        case "u": return try number(4, from: place)
        case "U": return try number(8, from: place)
        case "a"..."z", "A"..."Z", "1"..."9":
            throw PatternError("\\\(letter) means nothing; a letter stands for itself without '\\'", at: place)
        default: return letter.value
        }
    }

    private mutating func number(_ count: Int, from place: Int) throws(PatternError) -> UInt32 {
        let start = index
        guard let value = digits(upTo: count, radix: 16), index - start == count, value <= 0x10FFFF else {
            throw PatternError("\\\(scalars[start - 1]) needs \(count) hexadecimal digits of a character", at: place)
        }
        return value
    }

    private mutating func digits(upTo count: Int, radix: Int) -> UInt32? {
        let end = scalars[index...].prefix(count).prefix { Character($0).hexDigitValue.map { $0 < radix } ?? false }
            .endIndex
        defer { index = end }
        return UInt32(String(String.UnicodeScalarView(scalars[index..<end])), radix: radix)
    }

    // MARK: Scalars

    private var peek: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

    private mutating func next() -> Unicode.Scalar? {
        guard let scalar = peek else { return nil }
        index += 1
        return scalar
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard peek == scalar else { return false }
        index += 1
        return true
    }
}
