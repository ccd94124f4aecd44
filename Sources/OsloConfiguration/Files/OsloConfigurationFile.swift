internal import SwitchboardCore

/// A configuration file as oslo.config's parser reads it.
///
/// Reading it is total: any bytes give a file or an error with the line, and no error repeats what the file says, because
/// a line that can't be read may hold a password.
public struct OsloConfigurationFile: Hashable, Sendable {
    /// One `name = value`, with its continuation lines.
    public struct Assignment: Hashable, Sendable {
        /// The section, as written: `[database]` is `database`.
        public var section: String
        /// The option's name, as written.
        public var name: String
        /// The value before interpolation, without the quotes around it. Continuation lines follow a line feed each. It may
        /// be a secret, which `OsloConfiguration.shown(_:ofName:isSecret:)` masks.
        public var text: String
        /// The line of the name, from 1.
        public var line: Int
    }

    /// The beginning of a section.
    public struct Section: Hashable, Sendable {
        /// What stands between the brackets, as written.
        public var name: String
        /// Its line, from 1.
        public var line: Int
    }

    /// Where the file is, for messages.
    public let path: String
    /// Every section line, in the file's order.
    public let sections: [Section]
    /// Every assignment, in the file's order.
    public let assignments: [Assignment]
    /// The indexes of the assignments of each option.
    private let index: [OptionKey: [Int]]

    /// Files longer than this are refused: 16 MiB.
    public static let maximumSize = 16 << 20

    /// Parses the bytes of a file, which are UTF-8.
    ///
    /// - Parameters:
    ///   - bytes: the file's content.
    ///   - path: where it comes from, for messages.
    /// - Throws: an ``OsloConfigurationError`` with the file and the line.
    public init(parsing bytes: some Sequence<UInt8>, path: String) throws(OsloConfigurationError) {
        let bytes = Array(bytes)
        guard bytes.count <= Self.maximumSize else {
            throw OsloConfigurationError(.tooLarge, "The file is larger than 16 MiB. Is it a configuration file?", path)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw OsloConfigurationError(
                .notText, "The line isn't UTF-8 text. Save the file as UTF-8.", path, Self.lineOfBadText(bytes))
        }
        var parser = FileParser(path: path)
        try parser.parse(text.unicodeScalars)
        self.path = path
        sections = parser.sections
        assignments = parser.assignments
        index = Dictionary(grouping: parser.assignments.indices) { [assignments = parser.assignments] in
            OptionKey(group: assignments[$0].section, name: assignments[$0].name)
        }
    }

    /// The assignments of an option under one name, in the file's order.
    func assignments(of key: OptionKey) -> [Assignment] {
        (index[key] ?? []).map { assignments[$0] }
    }

    private static func lineOfBadText(_ bytes: [UInt8]) -> Int {
        var line = 1
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(where: { $0 == 0x0A || $0 == 0x0D }) ?? bytes.count
            if String(validating: bytes[start..<end], as: UTF8.self) == nil { return line }
            line += 1
            start = end + (bytes[end...].starts(with: [0x0D, 0x0A]) ? 2 : 1)
        }
        return line
    }
}

/// A group and a name, compared as oslo.config compares them: groups without letter case, but for `DEFAULT`, and both by
/// their code points.
struct OptionKey: Hashable, Sendable {
    private let group: [UInt8]
    private let name: [UInt8]

    init(group: String, name: String) {
        self.group = Self.normalizedGroup(group)
        self.name = Array(name.utf8)
    }

    static func normalizedGroup(_ group: String) -> [UInt8] {
        let written = Array(group.utf8)
        return written == Array("DEFAULT".utf8) ? written : Array(group.lowercased().utf8)
    }
}
