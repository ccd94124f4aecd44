import SwitchboardCore

/// What Python's text methods do, on code points.
extension Unicode.Scalar {
    /// As `str.isspace`.
    var isPythonSpace: Bool {
        switch value {
        case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }
}

extension Substring.UnicodeScalarView {
    /// As `str.lstrip`.
    var trimmingStart: Self {
        self[(firstIndex { !$0.isPythonSpace } ?? endIndex)...]
    }

    /// As `str.rstrip`.
    var trimmingEnd: Self {
        guard let last = lastIndex(where: { !$0.isPythonSpace }) else { return self[..<startIndex] }
        return self[...last]
    }
}

extension String {
    /// As `str.strip`.
    var pythonStripped: String {
        String(unicodeScalars[...].trimmingStart.trimmingEnd)
    }

    /// As `repr` of a `str`.
    var pythonRepresentation: String {
        let hasSingle = unicodeScalars.contains("'")
        let quote: Unicode.Scalar = hasSingle && !unicodeScalars.contains("\"") ? "\"" : "'"
        var result = String(quote)
        for scalar in unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case quote:
                result += "\\"
                result.unicodeScalars.append(quote)
            default: result += scalar.pythonRepresentation
            }
        }
        return result + String(quote)
    }
}

extension Unicode.Scalar {
    fileprivate var pythonRepresentation: String {
        switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
            .spaceSeparator:
            if self == " " { return " " }
            return value < 0x100
                ? "\\x" + value.hexadecimal(width: 2)
                : value < 0x10000 ? "\\u" + value.hexadecimal(width: 4) : "\\U" + value.hexadecimal
        default: return String(self)
        }
    }
}

/// Numbers as Python's `int` and `float` read them.
enum PythonNumber {
    /// A whole number: a sign, decimal digits of any script, single underscores between them.
    enum Whole {
        case number(Int)
        /// It is one, and larger than 64 bits hold.
        case tooLarge
    }

    static func whole(_ text: String) -> Whole? {
        guard let plain = plainDigits(text.pythonStripped) else { return nil }
        let digits = plain.first == "-" || plain.first == "+" ? plain.dropFirst() : plain[...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(plain).map { .number($0) } ?? .tooLarge
    }

    static func real(_ text: String) -> Double? {
        guard let plain = plainDigits(text.pythonStripped) else { return nil }
        let unsigned = plain.first == "-" || plain.first == "+" ? plain.dropFirst() : plain[...]
        switch unsigned.lowercased() {
        case "inf", "infinity": return plain.first == "-" ? -.infinity : .infinity
        case "nan": return .nan
        default: break
        }
        // Swift reads more than Python: hexadecimal numbers, and other words for not-a-number.
        guard unsigned.utf8.contains(where: { (0x30...0x39).contains($0) }),
            unsigned.utf8.allSatisfy({
                (0x30...0x39).contains($0)
                    || [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"), UInt8(ascii: "+"), UInt8(ascii: "-")]
                        .contains($0)
            })
        else { return nil }
        // Python takes `5.` and `.5`.
        var normalized = String(plain)
        if unsigned.hasPrefix(".") {
            normalized = (plain.hasPrefix("-") ? "-0" : "0") + unsigned
        }
        normalized = normalized.replacing(".e", with: ".0e").replacing(".E", with: ".0E")
        if normalized.hasSuffix(".") { normalized += "0" }
        return Double(normalized)
    }

    /// As `str` of a `float`.
    static func text(_ number: Double) -> String {
        if number.isNaN { return "nan" }
        if number.isInfinite { return number < 0 ? "-inf" : "inf" }
        return "\(number)"
    }

    /// ASCII digits for those of other scripts, without the underscores that may stand between digits; `nil` where one
    /// stands elsewhere.
    private static func plainDigits(_ text: String) -> String? {
        var result = ""
        var follows = false
        var pending = false
        for scalar in text.unicodeScalars {
            if scalar == "_" {
                guard follows, !pending else { return nil }
                pending = true
                continue
            }
            var digit: Unicode.Scalar?
            if scalar.properties.numericType == .decimal, let value = scalar.properties.numericValue {
                digit = Unicode.Scalar(UInt8(ascii: "0") + UInt8(value))
            }
            if pending, digit == nil { return nil }
            pending = false
            follows = digit != nil
            result.unicodeScalars.append(digit ?? scalar)
        }
        return pending ? nil : result
    }
}
