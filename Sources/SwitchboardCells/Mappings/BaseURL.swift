internal import SwitchboardCore

/// The process's own URL, from which templates take their values.
///
/// It is parsed leniently: a mistake matters only to a template that needs the wrong part. Values aren't
/// percent-decoded, because they become part of a URL again.
public struct BaseURL: Hashable, Sendable {
    struct Host: Hashable {
        var username: String?
        var password: Secret?
        /// Without brackets.
        var name: String
        /// As written.
        var port: String?
    }

    let scheme: String
    let hosts: [Host]
    let path: String
    let query: Secret
    let fragment: Secret
    private let masked: String

    /// The base for message queues. `{path}` is the virtual host without the leading slash.
    public static func transport(_ text: String) -> BaseURL {
        BaseURL(text, stripsAllSlashes: false)
    }

    /// The base for databases. `{path}` has no leading slash, as in Nova.
    public static func database(_ text: String) -> BaseURL {
        BaseURL(text, stripsAllSlashes: true)
    }

    private init(_ text: String, stripsAllSlashes: Bool) {
        masked = URLMasker.masked(text, sparing: URLTemplate.isVariable)
        var rest = text[...]
        if let colon = rest.firstIndex(of: ":"), !rest[..<colon].contains("/") {
            scheme = rest[..<colon].lowercased()
            rest = rest[rest.index(after: colon)...]
        } else {
            scheme = ""
        }
        var parts = rest.splitOnce(at: "#")
        fragment = Secret(parts.tail.map(String.init) ?? "")
        parts = parts.head.splitOnce(at: "?")
        query = Secret(parts.tail.map(String.init) ?? "")
        rest = parts.head
        var authority: Substring = ""
        if rest.hasPrefix("//") {
            rest = rest.dropFirst(2)
            authority = rest.prefix { $0 != "/" }
            rest = rest[authority.endIndex...]
        }
        if stripsAllSlashes {
            path = String(rest.drop { $0 == "/" })
        } else {
            path = String(rest.hasPrefix("/") ? rest.dropFirst() : rest)
        }
        hosts = authority.split(separator: ",").map(Host.init)
    }

    /// The value of a variable; throws when the base has none, or several that differ.
    func value(of variable: URLTemplate.Variable) throws(URLTemplate.Problem) -> String {
        switch variable.part {
        case .scheme:
            guard !scheme.isEmpty else { throw missing(variable, "the base URL has no scheme") }
            return scheme
        case .path: return path
        case .query: return query.reveal()
        case .fragment: return fragment.reveal()
        case .username, .password, .hostname, .port:
            break
        }
        if let number = variable.host {
            guard number <= hosts.count else {
                let have = hosts.count == 1 ? "1 host" : "\(hosts.count) hosts"
                throw missing(variable, "the base URL has \(have)")
            }
            return try value(of: variable, in: hosts[number - 1])
        }
        guard let first = hosts.first else { throw missing(variable, "the base URL has no host") }
        let value = try value(of: variable, in: first)
        for host in hosts.dropFirst() where try self.value(of: variable, in: host) != value {
            throw missing(
                variable,
                "the hosts of the base URL differ in it; number it (\(variable.name)1, \(variable.name)2, …)")
        }
        return value
    }

    private func value(of variable: URLTemplate.Variable, in host: Host) throws(URLTemplate.Problem) -> String {
        switch variable.part {
        case .username:
            guard let username = host.username else { throw missing(variable, "the base URL has no user name there") }
            return username
        case .password:
            guard let password = host.password else { throw missing(variable, "the base URL has no password there") }
            return password.reveal()
        case .port:
            guard let port = host.port else { throw missing(variable, "the base URL has no port there") }
            guard port.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
                let number = Int(port), number <= 65535
            else { throw missing(variable, "the base URL's port is not a number from 0 to 65535") }
            return String(number)
        default:
            guard !host.name.isEmpty else { throw missing(variable, "the base URL has no host name there") }
            // Nova gives the plain variable in lower case and the numbered ones as written.
            return variable.host == nil ? host.name.lowercased() : host.name
        }
    }

    private func missing(_ variable: URLTemplate.Variable, _ reason: String) -> URLTemplate.Problem {
        URLTemplate.Problem(
            variable: variable.name, description: "It needs a value for {\(variable.name)}, and \(reason).")
    }
}

extension BaseURL: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The text with every secret masked.
    public var description: String { masked }
    public var debugDescription: String { masked }
    public var customMirror: Mirror { Mirror(self, children: ["url": masked]) }
}

extension BaseURL.Host {
    fileprivate init(_ piece: Substring) {
        self.init(name: "")
        var location = piece
        if let at = piece.lastIndex(of: "@") {
            let credentials = piece[..<at].splitOnce(at: ":")
            username = String(credentials.head)
            password = credentials.tail.map { Secret(String($0)) }
            location = piece[piece.index(after: at)...]
        }
        if location.hasPrefix("["), let bracket = location.firstIndex(of: "]") {
            name = String(location[..<bracket].dropFirst())
            location = location[bracket...].dropFirst()
            port = location.hasPrefix(":") && location.count > 1 ? String(location.dropFirst()) : nil
        } else if location.count(where: { $0 == ":" }) == 1 {
            let parts = location.splitOnce(at: ":")
            name = String(parts.head)
            port = parts.tail.flatMap { $0.isEmpty ? nil : String($0) }
        } else {
            name = String(location)
        }
    }
}

extension Substring {
    fileprivate func splitOnce(at separator: Character) -> (head: Substring, tail: Substring?) {
        guard let index = firstIndex(of: separator) else { return (self, nil) }
        return (self[..<index], self[self.index(after: index)...])
    }
}

/// The process's own URLs, for filling in the templates of cells.
public struct BaseURLs: Hashable, Sendable {
    /// For ``CellMapping/transportURL``.
    public var transport: BaseURL?
    /// For ``CellMapping/databaseConnection``.
    public var database: BaseURL?

    /// Creates base URLs. Without them, a template is an error that names the variable.
    public init(transportURL: String? = nil, databaseConnection: String? = nil) {
        transport = transportURL.map { .transport($0) }
        database = databaseConnection.map { .database($0) }
    }
}
