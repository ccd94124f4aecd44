/// What the value of an option may be, and how oslo.config reads it.
public enum OsloOptionType: Hashable, Sendable {
    /// Any text, or one of `choices`; `maximumLength` counts code points.
    case string(choices: [String] = [], ignoresCase: Bool = false, maximumLength: Int? = nil)
    /// `true`, `1`, `on`, `yes`, `false`, `0`, `off` or `no`, in any letter case.
    case boolean
    /// A whole number from `minimum` to `maximum`. Nothing at all means "no number".
    case integer(minimum: Int? = nil, maximum: Int? = nil)
    /// A number from `minimum` to `maximum`. Nothing at all means "no number".
    case real(minimum: Double? = nil, maximum: Double? = nil)
    /// Values with commas between them.
    indirect case list(of: OsloOptionType)
    /// A URI with a scheme and a host, as RFC 3986 writes it.
    case uri(schemes: [String] = [], maximumLength: Int? = nil)

    /// Any text.
    public static var text: OsloOptionType { .string() }
    /// A port: a whole number from 0 to 65535.
    public static var port: OsloOptionType { .integer(minimum: 0, maximum: 65535) }
    /// Texts with commas between them.
    public static var texts: OsloOptionType { .list(of: .text) }

    /// What a value has to be, for a sentence: "true or false".
    public var expectation: String {
        switch self {
        case .string(let choices, _, let maximum):
            if !choices.isEmpty { return "one of \(choices.joined(separator: ", "))" }
            return maximum.map { "a text of at most \($0) characters" } ?? "a text"
        case .boolean: return "true or false"
        case .integer(let minimum, let maximum):
            return "a whole number" + Self.range(minimum.map { "\($0)" }, maximum.map { "\($0)" })
        case .real(let minimum, let maximum):
            return "a number" + Self.range(minimum.map { "\($0)" }, maximum.map { "\($0)" })
        case .list(let item): return "values with commas between them, each \(item.expectation)"
        case .uri(let schemes, _):
            return "a URI with a scheme\(schemes.isEmpty ? "" : " (\(schemes.joined(separator: ", ")))") and a host"
        }
    }

    private static func range(_ minimum: String?, _ maximum: String?) -> String {
        switch (minimum, maximum) {
        case (let minimum?, let maximum?): " from \(minimum) to \(maximum)"
        case (let minimum?, nil): " of at least \(minimum)"
        case (nil, let maximum?): " of at most \(maximum)"
        case (nil, nil): ""
        }
    }
}

/// A text isn't what its option takes.
struct InvalidText: Error {}

extension OsloOptionType {
    /// Reads a text as the type's values are written.
    func value(of text: String) throws(InvalidText) -> OsloValue {
        switch self {
        case .string(let choices, let ignoresCase, let maximum):
            if let maximum, text.unicodeScalars.count > maximum { throw InvalidText() }
            let isKnown = choices.contains {
                ignoresCase ? $0.lowercased() == text.lowercased() : $0.utf8.elementsEqual(text.utf8)
            }
            guard choices.isEmpty || isKnown else { throw InvalidText() }
            return .text(text)
        case .boolean:
            switch text.lowercased() {
            case "true", "1", "on", "yes": return .boolean(true)
            case "false", "0", "off", "no": return .boolean(false)
            default: throw InvalidText()
            }
        case .integer(let minimum, let maximum):
            if text.pythonStripped.isEmpty { return .empty }
            guard case .number(let number) = PythonNumber.whole(text),
                number >= minimum ?? .min, number <= maximum ?? .max
            else { throw InvalidText() }
            return .integer(number)
        case .real(let minimum, let maximum):
            if text.pythonStripped.isEmpty { return .empty }
            guard let number = PythonNumber.real(text) else { throw InvalidText() }
            // As Python compares: what isn't a number is neither too small nor too large.
            if let minimum, number < minimum { throw InvalidText() }
            if let maximum, number > maximum { throw InvalidText() }
            return .real(number)
        case .list(let item): return .list(try Self.items(of: text, item))
        case .uri(let schemes, let maximum):
            guard URIText.isValid(text, schemes: schemes), text.unicodeScalars.count <= maximum ?? .max else {
                throw InvalidText()
            }
            return .text(text)
        }
    }

    /// A comma may be a part of an item: where an item isn't one, the next is added to it until it is.
    private static func items(of text: String, _ item: OsloOptionType) throws(InvalidText) -> [OsloValue] {
        var scalars = text.pythonStripped.unicodeScalars[...]
        while scalars.last == "," { scalars.removeLast() }
        if scalars.isEmpty { return [] }
        var parts = scalars.split(separator: ",", omittingEmptySubsequences: false).map { String($0) }[...]
        var items: [OsloValue] = []
        while var part = parts.popFirst() {
            // Joining costs what is joined: no more than a line's length of it.
            var joined = 0
            while true {
                if let value = try? item.value(of: part.pythonStripped) {
                    items.append(value)
                    break
                }
                joined += 1
                guard let next = parts.popFirst(), joined < 1000 else { throw InvalidText() }
                part += "," + next
            }
        }
        return items
    }
}
