internal import SwitchboardCore

/// What is wrong with a configuration: a sentence with the file, the line and what to do.
///
/// No message repeats a value: it may be a secret.
public struct OsloConfigurationError: Error, Hashable, Sendable {
    /// What kind of mistake it is. More may be added.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String

        private init(_ description: String) {
            self.description = description
        }

        /// There is no such file or directory.
        public static let notFound = Code("notFound")
        /// The file or directory can't be read.
        public static let unreadable = Code("unreadable")
        /// The file isn't UTF-8 text.
        public static let notText = Code("notText")
        /// A file, or a value after interpolation, is larger than anybody needs.
        public static let tooLarge = Code("tooLarge")
        /// A section line doesn't end with `]`.
        public static let unclosedSection = Code("unclosedSection")
        /// A section has no name.
        public static let unnamedSection = Code("unnamedSection")
        /// A line has neither `=` nor `:`.
        public static let noSeparator = Code("noSeparator")
        /// There is nothing before the `=` or `:`.
        public static let unnamedOption = Code("unnamedOption")
        /// An indented line has no value to go on with.
        public static let unexpectedContinuation = Code("unexpectedContinuation")
        /// An option stands before the first section.
        public static let noSection = Code("noSection")
        /// A value isn't of the option's type, or out of its range.
        public static let invalidValue = Code("invalidValue")
        /// A value refers by `$name` to an option that isn't there.
        public static let unknownReference = Code("unknownReference")
        /// A value refers by `$group.name` to a group that isn't there.
        public static let unknownGroup = Code("unknownGroup")
        /// A value refers by `$name` to a group instead of an option.
        public static let referenceToGroup = Code("referenceToGroup")
        /// Values refer to each other in a circle, or through too many others.
        public static let circularReference = Code("circularReference")
    }

    /// What kind of mistake it is.
    public let code: Code
    /// A sentence: `FILE:LINE: what is wrong, and what to do.`
    public let message: String
    /// The file that has the mistake, where it is in one.
    public let file: String?
    /// Its line, from 1, where one is known.
    public let line: Int?

    init(_ code: Code, _ reason: String, _ file: String? = nil, _ line: Int? = nil) {
        self.code = code
        self.file = file
        self.line = line
        let place = file.map { path in line.map { "\(path):\($0): " } ?? "\(path): " }
        message = (place ?? "") + reason
    }

    init(_ code: Code, _ reason: String, _ origin: OsloOrigin) {
        switch origin {
        case .file(let path, let line): self.init(code, reason, path, line)
        case .environment(let name): self.init(code, "\(name): \(reason)")
        case .optionDefault: self.init(code, reason)
        }
    }
}

extension OsloConfigurationError: CustomStringConvertible {
    public var description: String { message }
}
