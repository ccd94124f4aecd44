/// oslo.config's `iniparser` and `ConfigParser`: lines to sections and assignments.
struct FileParser {
    typealias Text = Substring.UnicodeScalarView

    let path: String
    private(set) var sections: [OsloConfigurationFile.Section] = []
    private(set) var assignments: [OsloConfigurationFile.Assignment] = []

    /// The assignment whose continuation lines may follow.
    private var open: (name: String, lines: [String], line: Int)?
    private var section: String?
    private var line = 0

    init(path: String) {
        self.path = path
    }

    mutating func parse(_ text: String.UnicodeScalarView) throws(OsloConfigurationError) {
        var rest = text[...]
        while !rest.isEmpty {
            let end = rest.firstIndex { $0 == "\n" || $0 == "\r" } ?? rest.endIndex
            line += 1
            try read(rest[..<end])
            guard end < rest.endIndex else { break }
            let isReturn = rest[end] == "\r"
            rest = rest[rest.index(after: end)...]
            // A carriage return and a line feed end one line.
            if isReturn, rest.first == "\n" { rest.removeFirst() }
        }
        try finishAssignment()
    }

    private mutating func read(_ whole: Text) throws(OsloConfigurationError) {
        let text = whole.trimmingEnd
        guard let first = text.first else { return try finishAssignment() }
        if first == " " || first == "\t" {
            guard open != nil else {
                throw error(
                    .unexpectedContinuation,
                    "The line is indented, so it goes on with the value of the line before, and there is none. Begin it "
                        + "in the first column.")
            }
            open?.lines.append(String(text.trimmingStart))
            return
        }
        try finishAssignment()
        switch first {
        case "[": try beginSection(text)
        case "#", ";": break
        default: try beginAssignment(text)
        }
    }

    private mutating func beginSection(_ text: Text) throws(OsloConfigurationError) {
        guard text.last == "]", text.count > 1 else {
            throw error(
                .unclosedSection,
                "The section's name has no ] at the end of the line. Write [name] alone on its line, without a comment behind it."
            )
        }
        guard text.count > 2 else {
            throw error(.unnamedSection, "The section has no name. Write one between the brackets.")
        }
        let name = String(text.dropFirst().dropLast())
        section = name
        sections.append(.init(name: name, line: line))
    }

    private mutating func beginAssignment(_ text: Text) throws(OsloConfigurationError) {
        guard let separator = text.firstIndex(where: { $0 == "=" || $0 == ":" }) else {
            let isMarked = text.first == "\u{FEFF}"
            throw error(
                .noSeparator,
                isMarked
                    ? "The file begins with a byte order mark, which oslo.config takes for text. Save it without one."
                    : "The line has neither = nor :. Write name = value, or begin it with # to make it a comment.")
        }
        let name = String(text[..<separator].trimmingStart.trimmingEnd)
        guard !name.isEmpty else {
            throw error(.unnamedOption, "The line has no name before its = or :. Write name = value.")
        }
        var value = text[text.index(after: separator)...].trimmingStart.trimmingEnd
        if let first = value.first, first == "\"" || first == "'", value.last == first {
            // One quote alone is both.
            value = value.dropFirst().dropLast()
        }
        open = (name, [String(value)], line)
    }

    private mutating func finishAssignment() throws(OsloConfigurationError) {
        guard let assignment = open else { return }
        open = nil
        guard let section else {
            throw OsloConfigurationError(
                .noSection, "The option stands before the first section. Write [DEFAULT] above it.", path,
                assignment.line)
        }
        assignments.append(
            .init(
                section: section, name: assignment.name, text: assignment.lines.joined(separator: "\n"),
                line: assignment.line))
    }

    private func error(_ code: OsloConfigurationError.Code, _ reason: String) -> OsloConfigurationError {
        OsloConfigurationError(code, reason, path, line)
    }
}
