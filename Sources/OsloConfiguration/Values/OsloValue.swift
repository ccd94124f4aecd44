/// A value of one of the types that options have.
public enum OsloValue: Hashable, Sendable {
    case text(String)
    case boolean(Bool)
    case integer(Int)
    case real(Double)
    case list([OsloValue])
    /// A number that was left empty.
    case empty

    /// The value as Python writes it into a text: what `$name` becomes.
    public var pythonText: String {
        switch self {
        case .text(let text): text
        case .boolean(let isTrue): isTrue ? "True" : "False"
        case .integer(let number): "\(number)"
        case .real(let number): PythonNumber.text(number)
        case .list(let items): "[" + items.map(\.representation).joined(separator: ", ") + "]"
        case .empty: ""
        }
    }

    private var representation: String {
        switch self {
        case .text(let text): text.pythonRepresentation
        case .empty: "None"
        default: pythonText
        }
    }
}

/// Where a value comes from.
public enum OsloOrigin: Hashable, Sendable, CustomStringConvertible {
    /// A line of a file, from 1.
    case file(path: String, line: Int)
    /// A variable of the environment, as oslo.config names it: `OS_GROUP__NAME`.
    case environment(name: String)
    /// The option's own default.
    case optionDefault

    /// `/etc/nova/nova.conf:12`, the variable's name, or `default`.
    public var description: String {
        switch self {
        case .file(let path, let line): "\(path):\(line)"
        case .environment(let name): name
        case .optionDefault: "default"
        }
    }
}

/// An option's value, with where it comes from. Descriptions mask what is secret.
public struct OsloSetting: Hashable, Sendable {
    /// The option that was read.
    public let option: OsloOption
    /// Its value, after interpolation. Of a repeated option, a list in the order of the files.
    public let value: OsloValue
    /// Where the value comes from; of a repeated option, the last of its assignments.
    public let origin: OsloOrigin
    /// The name that the file uses, where it isn't today's.
    public let deprecatedName: OsloOption.Name?

    /// The text of a text.
    public var text: String? { if case .text(let text) = value { text } else { nil } }
    /// The truth of a Boolean.
    public var boolean: Bool? { if case .boolean(let isTrue) = value { isTrue } else { nil } }
    /// The number of an integer or a port.
    public var integer: Int? { if case .integer(let number) = value { number } else { nil } }
    /// The number of an integer or a real number.
    public var real: Double? {
        switch value {
        case .real(let number): number
        case .integer(let number): Double(number)
        default: nil
        }
    }
    /// The texts of a list or a repeated option.
    public var texts: [String]? { if case .list(let items) = value { items.map(\.pythonText) } else { nil } }

    /// The value for people: passwords in URLs are `***`, and the whole value of an option that is a secret.
    public var shownValue: String {
        let text: String
        switch value {
        case .list(let items): text = items.map(\.pythonText).joined(separator: ",")
        case .boolean(let isTrue): text = isTrue ? "true" : "false"
        default: text = value.pythonText
        }
        return OsloConfiguration.shown(text, ofName: option.name.name, isSecret: option.isSecret)
    }
}

extension OsloSetting: CustomStringConvertible {
    /// `[group] name = value (file:line)`.
    public var description: String { "\(option.name) = \(shownValue) (\(origin))" }
}
