extension TransportURL {
    /// Parses a URL. Throws ``TransportError/Code/invalidURL``. The error says which part is wrong but quotes none of
    /// the text, because any of it may be a password that wasn't percent-encoded.
    ///
    /// Accepts what oslo.messaging accepts (oslo-wire.md §1.1), with the same meaning. It refuses what oslo.messaging
    /// would silently alter, cut off, or take for another host: control characters, a `#`, text between `]` and a port,
    /// ports that aren't 0 to 65535 in plain digits, impossible host names, and bytes that aren't UTF-8.
    public init(_ text: String) throws(TransportError) {
        self = try Parser(Array(text.utf8)).parse()
    }
}

private struct Parser {
    private typealias Bytes = ArraySlice<UInt8>

    private let text: Bytes

    init(_ text: [UInt8]) {
        self.text = text.drop { $0 == .init(ascii: " ") }
    }

    func parse() throws(TransportError) -> TransportURL {
        if text.isEmpty { throw invalid("it is empty") }
        if text.contains(where: \.isControl) {
            throw invalid("it contains a control character (a line's end, a tab, a NUL)")
        }
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")) else {
            throw invalid("it has no scheme; a transport URL begins like rabbit://")
        }
        let scheme = text[..<colon]
        guard let first = scheme.first, first.isLetter, scheme.allSatisfy(\.isOfScheme) else {
            throw invalid(
                "it has no scheme (a letter, then letters, digits, '+', '-' and '.'); a transport URL begins like "
                    + "rabbit://")
        }
        var rest = text[(colon + 1)...]
        if rest.contains(UInt8(ascii: "#")) {
            throw invalid("it contains a '#'; inside a password or virtual host write it as %23")
        }
        var url = TransportURL(scheme: String(decoding: scheme, as: UTF8.self))
        if let question = rest.firstIndex(of: UInt8(ascii: "?")) {
            url.options = try parseOptions(rest[(question + 1)...])
            rest = rest[..<question]
        }
        let hasAuthority = rest.starts(with: [UInt8(ascii: "/"), UInt8(ascii: "/")])
        if hasAuthority {
            rest = rest.dropFirst(2)
            let slash = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex
            url.hosts = try parseHosts(rest[..<slash])
            rest = rest[slash...]
        }
        if !rest.isEmpty {
            guard rest.first == UInt8(ascii: "/") else {
                throw invalid("no // follows its scheme; a transport URL begins like rabbit://")
            }
            if !hasAuthority, rest.contains(UInt8(ascii: "@")) {
                throw invalid("an '@' stands in it and no // follows its scheme; a transport URL begins like rabbit://")
            }
            url.virtualHost = try decode(rest.dropFirst(), "the virtual host")
        }
        return url
    }

    // MARK: Hosts

    private func parseHosts(_ authority: Bytes) throws(TransportError) -> [TransportURL.Host] {
        let pieces = authority.split(separator: UInt8(ascii: ","))
        var hosts: [TransportURL.Host] = []
        for (index, piece) in pieces.enumerated() {
            hosts.append(try parseHost(piece, pieces.count == 1 ? "the host" : "host \(index + 1)"))
        }
        try refuseCutCredentials(hosts, authority)
        return hosts
    }

    /// `user:12/34@host` would otherwise be the host `user` at port 12, and `user:p@x/y@host` the host `x`; and the rest of
    /// the password be shown as a host, virtual host, option or user name.
    private func refuseCutCredentials(_ hosts: [TransportURL.Host], _ authority: Bytes) throws(TransportError) {
        for (host, next) in zip(hosts, hosts.dropFirst()) {
            if host.username == nil, host.port != nil, next.username != nil, next.password == nil {
                throw invalid("a password seems to contain a ','; write it as %2C")
            }
        }
        let mayBeCut = hosts.last.map { $0.username == nil && $0.port != nil } ?? false
        let mayHaveAt = hosts.contains { $0.password != nil }
        if mayBeCut || mayHaveAt, text[authority.endIndex...].contains(UInt8(ascii: "@")) {
            throw invalid(
                "an '@' stands behind the hosts: inside a password write / as %2F and ? as %3F, inside a virtual host "
                    + "or an option write @ as %40")
        }
    }

    private func parseHost(_ piece: Bytes, _ what: String) throws(TransportError) -> TransportURL.Host {
        var host = TransportURL.Host(name: "")
        var location = piece
        if let at = piece.lastIndex(of: UInt8(ascii: "@")) {
            let credentials = piece[..<at]
            location = piece[(at + 1)...]
            let colon = credentials.firstIndex(of: UInt8(ascii: ":"))
            host.username = try decode(credentials[..<(colon ?? at)], "the user name of \(what)")
            if let colon {
                host.password = Secret(try decode(credentials[(colon + 1)...], "the password of \(what)"))
            }
        }
        if location.first == UInt8(ascii: "[") {
            guard let bracket = location.firstIndex(of: UInt8(ascii: "]")) else {
                throw invalid("\(what) begins with '[' and has no ']'")
            }
            host.name = try parseIPv6(location[..<bracket].dropFirst(), what)
            let after = location[(bracket + 1)...]
            if !after.isEmpty {
                guard after.first == UInt8(ascii: ":") else {
                    throw invalid("behind the ']' of \(what) stands something other than ':' and a port")
                }
                host.port = try parsePort(after.dropFirst(), what)
            }
            return host
        }
        let colons = location.indices.filter { location[$0] == UInt8(ascii: ":") }
        if colons.count > 1 {
            host.name = try parseIPv6(location, what)
        } else if let colon = colons.first {
            host.name = try parseName(location[..<colon], what)
            host.port = try parsePort(location[(colon + 1)...], what)
        } else {
            host.name = try parseName(location, what)
        }
        return host
    }

    private func parseIPv6(_ text: Bytes, _ what: String) throws(TransportError) -> String {
        let name = try decode(text, "the address of \(what)")
        guard HostName.isIPv6(name) else { throw invalid("\(what) is not an IPv6 address, but is written like one") }
        return name
    }

    private func parseName(_ text: Bytes, _ what: String) throws(TransportError) -> String {
        guard text.allSatisfy({ HostName.takes($0) || $0 == UInt8(ascii: "%") }) else {
            throw invalid(
                "the name of \(what) contains a blank or another character that no host's name has; hosts are "
                    + "separated by ',' alone")
        }
        return try decode(text, "the name of \(what)")
    }

    private func parsePort(_ text: Bytes, _ what: String) throws(TransportError) -> Int {
        guard !text.isEmpty, text.allSatisfy(\.isDigit), let port = Int(String(decoding: text, as: UTF8.self)),
            port <= 65_535
        else {
            throw invalid(
                "the port of \(what) is not a number from 0 to 65535 (inside a password, write / as %2F, ? as %3F, "
                    + ", as %2C)")
        }
        return port
    }

    // MARK: Options and percent-encoding

    private func parseOptions(_ query: Bytes) throws(TransportError) -> [TransportURL.Option] {
        var options: [TransportURL.Option] = []
        for pair in query.split(separator: UInt8(ascii: "&")) {
            let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
            let name = try decode(pair[..<equals], "the name of an option", plusIsSpace: true)
            if name.isEmpty { throw invalid("an option has no name") }
            let value = try decode(pair[equals...].dropFirst(), "the value of an option", plusIsSpace: true)
            // It would be shown as an option's name.
            if equals == pair.endIndex, options.last?.isSecret == true {
                throw invalid("a password or token among its options seems to contain an '&'; write it as %26")
            }
            options.append(.init(name, value))
        }
        return options
    }

    /// A `%` that two hexadecimal digits do not follow stands for itself, as in oslo: such passwords are in use.
    private func decode(_ text: Bytes, _ what: String, plusIsSpace: Bool = false) throws(TransportError) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var index = text.startIndex
        while index < text.endIndex {
            let byte = text[index]
            if byte == UInt8(ascii: "%"), index + 2 < text.endIndex, let high = text[index + 1].hexadecimalValue,
                let low = text[index + 2].hexadecimalValue
            {
                bytes.append(high << 4 | low)
                index += 3
            } else {
                bytes.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
                index += 1
            }
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else {
            throw invalid("\(what) is not UTF-8 when percent-decoded")
        }
        if bytes.contains(0) { throw invalid("\(what) contains a NUL") }
        return decoded
    }

    private func invalid(_ reason: String) -> TransportError {
        TransportError(.invalidURL, "The transport URL cannot be used: \(reason).")
    }
}

extension UInt8 {
    fileprivate var isControl: Bool { self < 0x20 || self == 0x7F }

    fileprivate var isLetter: Bool { (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self) }

    fileprivate var isOfScheme: Bool { isLetter || isDigit || self == 0x2B || self == 0x2D || self == 0x2E }

    fileprivate var hexadecimalValue: UInt8? {
        switch self {
        case 0x30...0x39: self - 0x30
        case 0x41...0x46: self - 0x41 + 10
        case 0x61...0x66: self - 0x61 + 10
        default: nil
        }
    }
}
