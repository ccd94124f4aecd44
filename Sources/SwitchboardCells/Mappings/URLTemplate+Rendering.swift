public import SwitchboardCore

extension URLTemplate {
    /// Fills the template in.
    ///
    /// Throws a ``Problem`` for an unknown variable, a variable without a value, a lone brace, or other parts of
    /// Python's format language. In these cases Nova uses the text unchanged as the URL, and writes `None` for a
    /// missing value.
    public func rendered(from base: BaseURL?) throws(Problem) -> Secret {
        guard isTemplate else { return Secret(reveal()) }
        var result = ""
        let pieces = try pieces().repeatingHosts(count: base?.hosts.count ?? 0)
        for (index, piece) in pieces.enumerated() {
            switch piece {
            case .literal(let literal):
                result += literal
            case .variable(let variable):
                guard let base else { throw Problem.noBase(variable) }
                var value = try base.value(of: variable)
                if variable.part == .hostname, value.contains(":"), !isBracketed(index, in: pieces) {
                    value = "[\(value)]"
                }
                result += value
            }
        }
        return Secret(result)
    }

    /// Checks the braces and the names of the variables, without any values.
    public func checkSyntax() throws(Problem) {
        _ = try pieces()
    }

    /// The names of the variables, in the order of the text; empty if the syntax is wrong.
    public var variables: [String] {
        guard let pieces = try? pieces() else { return [] }
        return pieces.compactMap { piece in
            guard case .variable(let variable) = piece else { return nil }
            return variable.name
        }
    }

    private func isBracketed(_ index: Int, in pieces: [Piece]) -> Bool {
        guard index > 0, index + 1 < pieces.count,
            case .literal(let before) = pieces[index - 1], case .literal(let after) = pieces[index + 1]
        else { return false }
        return before.hasSuffix("[") && after.hasPrefix("]")
    }
}

extension URLTemplate {
    /// What is wrong with a template.
    public struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
        /// The name of the variable, if the problem is about one.
        public let variable: String?
        /// One sentence without the template's text.
        public let description: String

        static func noBase(_ variable: Variable) -> Problem {
            Problem(
                variable: variable.name,
                description: "It is a template, and there is no base URL to take {\(variable.name)} from.")
        }
    }

    /// A part of the base URL.
    enum Part: String, CaseIterable {
        case scheme, username, password, hostname, port, path, query, fragment

        /// Whether each host has its own, so that the variable may carry a number.
        var isPerHost: Bool {
            switch self {
            case .username, .password, .hostname, .port: true
            case .scheme, .path, .query, .fragment: false
            }
        }
    }

    /// A part, and for a numbered variable which host's, from 1.
    struct Variable: Hashable {
        var part: Part
        var host: Int?

        var name: String {
            part.rawValue + (host.map(String.init) ?? "")
        }

        init?(_ name: Substring) {
            let letters = name.prefix { !("0"..."9").contains($0) }
            let digits = name[letters.endIndex...]
            guard let part = Part(rawValue: String(letters)) else { return nil }
            self.part = part
            guard !digits.isEmpty else { return }
            guard part.isPerHost, digits.utf8.count <= 4, digits.first != "0",
                digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
                let number = Int(digits)
            else { return nil }
            host = number
        }
    }

    enum Piece {
        case literal(String)
        case variable(Variable)
    }

    fileprivate func pieces() throws(Problem) -> [Piece] {
        var pieces: [Piece] = []
        var literal = ""
        let text = reveal()
        var rest = text[...]
        while let brace = rest.firstIndex(where: { $0 == "{" || $0 == "}" }) {
            literal += rest[..<brace]
            let character = rest[brace]
            rest = rest[rest.index(after: brace)...]
            if rest.first == character {
                literal.append(character)
                rest.removeFirst()
                continue
            }
            guard character == "{" else { throw Self.lone("}") }
            guard let end = rest.firstIndex(of: "}") else { throw Self.lone("{") }
            let name = rest[..<end]
            rest = rest[rest.index(after: end)...]
            if !literal.isEmpty {
                pieces.append(.literal(literal))
                literal = ""
            }
            guard let variable = Variable(name) else { throw Self.unknown(name) }
            pieces.append(.variable(variable))
        }
        literal += rest
        if !literal.isEmpty {
            pieces.append(.literal(literal))
        }
        return pieces
    }

    private static func lone(_ brace: String) -> Problem {
        Problem(
            variable: nil,
            description:
                "It has a lone '\(brace)'; write '\(brace)\(brace)' for the character itself"
                + " (in a password, \(brace == "{" ? "%7B" : "%7D") is clearer).")
    }

    private static func unknown(_ name: Substring) -> Problem {
        let known = "scheme, username, password, hostname, port, path, query, fragment, and the four of a host with a"
        let advice = "the variables are \(known) number from 1 (username1, password1, hostname1, port1)"
        if name.isEmpty {
            return Problem(variable: "", description: "It has an empty pair of braces; \(advice).")
        }
        // What stands between braces could be a piece of a password: only what looks like a name is shown.
        let isName =
            name.utf8.count <= 24
            && name.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
            }
        if isName {
            return Problem(
                variable: String(name), description: "The variable {\(name)} is unknown; \(advice).")
        }
        let head = name.prefix { $0.isASCII && ($0.isLetter || $0.isNumber) }
        if Variable(head) != nil {
            return Problem(
                variable: String(head),
                description:
                    "{\(head)…} has something behind the variable's name; formats and attributes are not supported.")
        }
        return Problem(variable: nil, description: "It has braces around something that is no variable; \(advice).")
    }
}
