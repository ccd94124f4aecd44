internal import SwitchboardCells
internal import SwitchboardCore

extension MariaDBAddress {
    /// Whether a text is a URL of MariaDB or MySQL: `mysql://`, `mysql+pymysql://`, `mariadb://` and so on.
    static func takes(_ url: String) -> Bool {
        guard let colon = url.firstIndex(of: ":"), url[colon...].hasPrefix("://") else { return false }
        let scheme = url[..<colon].lowercased()
        return ["mysql", "mariadb"].contains { scheme == $0 || scheme.hasPrefix($0 + "+") }
    }

    /// Reads a URL as SQLAlchemy does. An error quotes none of it, because any part may belong to a password.
    init(parsing url: String) throws(CellError) {
        guard Self.takes(url), let colon = url.firstIndex(of: ":") else {
            throw Self.invalid("it has to begin with mysql://, mysql+pymysql://, mariadb:// or the like")
        }
        guard !url.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            throw Self.invalid("it contains a control character (a line's end, a tab, a NUL)")
        }
        var rest = url[url.index(colon, offsetBy: 3)...]
        self.init(database: "")
        rest = try takeCredentials(of: rest)
        let options = rest.firstIndex(of: "?").map { rest[$0...].dropFirst() }
        rest = rest.prefix { $0 != "?" }
        let location = rest.prefix { $0 != "/" }
        try takeLocation(location)
        database = try Self.decoded(rest[location.endIndex...].dropFirst(), "the database's name")
        guard !database.isEmpty else {
            throw Self.invalid("it names no database; it ends like /nova_api or /nova_api?charset=utf8mb4")
        }
        guard !database.utf8.contains(0) else { throw Self.invalid("the database's name contains a NUL byte") }
        var reader = MariaDBOptions(try options.map(Self.parseOptions) ?? [])
        try reader.apply(to: &self)
    }

    static func invalid(_ reason: String) -> CellError {
        CellError(.badURL, "The database's URL can't be used: \(reason).")
    }

    /// A user's name ends at the first `:`, a password at the first `@`; both may contain a `/`.
    private mutating func takeCredentials(of rest: Substring) throws(CellError) -> Substring {
        let name = rest.prefix { $0 != ":" && $0 != "/" }
        if rest[name.endIndex...].first == ":", let at = rest[name.endIndex...].firstIndex(of: "@") {
            username = try Self.decoded(name, "the user's name")
            password = Secret(try Self.decoded(rest[name.endIndex..<at].dropFirst(), "the password"))
        } else if let at = name.lastIndex(of: "@") {
            username = try Self.decoded(name[..<at], "the user's name")
        } else {
            return rest
        }
        for text in [username, password?.reveal()] where text?.utf8.contains(0) == true {
            throw Self.invalid("its credentials contain a NUL byte")
        }
        // Where a password ended is the first `@` behind its colon, or the last one of a name without a password.
        let end = password == nil ? name.lastIndex(of: "@") : rest[name.endIndex...].firstIndex(of: "@")
        if username?.isEmpty == true { username = nil }
        return end.map { rest[$0...].dropFirst() } ?? rest
    }

    private mutating func takeLocation(_ location: Substring) throws(CellError) {
        guard !location.contains("@") else {
            throw Self.invalid("an '@' stands in its host; inside a password write it as %40")
        }
        guard !location.contains(",") else {
            throw Self.invalid("it names several hosts; give one, for example a proxy's")
        }
        var rest = location
        if rest.first == "[" {
            guard let bracket = rest.firstIndex(of: "]") else { throw Self.invalid("its host has a '[' and no ']'") }
            host = String(rest[..<bracket].dropFirst())
            rest = rest[bracket...].dropFirst()
            guard !host.isEmpty, rest.isEmpty || rest.first == ":" else {
                throw Self.invalid("around the brackets of its host stands something other than an address and a port")
            }
        } else {
            let name = rest.prefix { $0 != ":" }
            if !name.isEmpty { host = String(name) }
            rest = rest[name.endIndex...]
        }
        guard !host.contains(where: \.isWhitespace) else { throw Self.invalid("its host contains a blank") }
        guard !rest.isEmpty else { return }
        let digits = rest.dropFirst()
        guard !digits.contains(":") else {
            throw Self.invalid("its host has several colons; write an IPv6 address in brackets, as [::1]")
        }
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = Int(digits),
            (1...65_535).contains(port)
        else { throw Self.invalid("its port is not a number from 1 to 65535") }
        self.port = port
    }

    /// Options in order, with those left out that have no value, as SQLAlchemy does.
    private static func parseOptions(_ text: Substring) throws(CellError) -> [(name: String, value: String)] {
        var options: [(name: String, value: String)] = []
        for pair in text.split(separator: "&") {
            let name = pair.prefix { $0 != "=" }
            let value = pair[name.endIndex...].dropFirst()
            if value.isEmpty { continue }
            let blanks: (Substring) -> Substring = { text in
                text.contains("+") ? Substring(text.map { $0 == "+" ? " " : String($0) }.joined()) : text
            }
            options.append(
                (try decoded(blanks(name), "an option's name"), try decoded(blanks(value), "an option's value")))
        }
        return options
    }

    /// Replaces `%` and two digits by the byte. Anything else with a `%` stays, as in Python.
    private static func decoded(_ text: Substring, _ what: String) throws(CellError) -> String {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return String(text) }
        var bytes: [UInt8] = []
        var rest = Substring(text).utf8
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let digits = Optional(rest.prefix(2)), digits.count == 2,
                digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
                let value = UInt8(Substring(digits), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else {
            throw invalid("\(what) is not UTF-8 once its percent signs are decoded")
        }
        return decoded
    }
}
