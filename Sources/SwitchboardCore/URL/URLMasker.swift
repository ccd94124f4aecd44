/// The text of a URL with every secret replaced by `***`, else unchanged.
///
/// Works on URLs that no parser takes: a password with a raw `/`, `?`, `#`, `@`, `,`, blank or line break in it is masked
/// whole, with or without the scheme and its slashes. In doubt it masks too much. Works on bytes, as a character may
/// begin with a `:` or `@` and be none.
package struct URLMasker {
    typealias Bytes = ArraySlice<UInt8>

    /// Texts in the place of a secret that are none: a template's variables.
    private let spares: (String) -> Bool

    private init(_ spares: @escaping (String) -> Bool) {
        self.spares = spares
    }

    /// Masks a text that is a URL as a whole, or was meant as one.
    ///
    /// - Parameter spares: whether a text in the place of a secret is none, as a template's variables are.
    package static func masked(_ text: String, sparing spares: @escaping (String) -> Bool = { _ in false }) -> String {
        String(decoding: masked(Array(text.utf8)[...], sparing: spares), as: UTF8.self)
    }

    static func masked(_ text: Bytes, sparing spares: @escaping (String) -> Bool = { _ in false }) -> [UInt8] {
        EncodedCredentials.masked(in: URLMasker(spares).mask(text)) { URLMasker(spares).mask($0) }
    }

    /// Whether a URL breaks off inside of a password: its last host has a `:` that introduces no port, and no `@`.
    static func breaksOff(_ text: Bytes) -> Bool {
        let masker = URLMasker { _ in false }
        let rest = text[masker.authorityStart(of: text)...]
        guard !rest.contains(.at) else { return false }
        let authority = rest.prefix { !$0.endsAuthority }
        return authority.split(separator: .comma).contains { masker.hasCredentialsShape($0) }
    }

    func mask(_ text: Bytes) -> [UInt8] {
        let start = authorityStart(of: text)
        var result = Array(text[..<start])
        let rest = text[start...]
        let secret = firstSecretOption(in: rest)
        let (head, tail) = (rest[..<secret], rest[secret...])
        let isAmbiguous = tail.contains(.at)
        if isAmbiguous, mayBeCutPassword(head), let colon = head.firstIndex(of: .colon) {
            return result + head[...colon] + Secret.maskBytes
        }
        let authority = head[..<authorityEnd(of: head)]
        result += maskAuthority(authority)
        result += head[authority.endIndex...]
        result += isAmbiguous ? maskAll(tail) : maskQuery(tail)
        return result
    }

    /// Where user names, passwords and hosts begin: behind `scheme:/`, and the second slash where there is one.
    private func authorityStart(of text: Bytes) -> Int {
        guard let colon = text.firstIndex(of: .colon), text[colon...].starts(with: [.colon, .slash]),
            isScheme(text[..<colon])
        else { return text.startIndex }
        return colon + (text[colon...].starts(with: [.colon, .slash, .slash]) ? 3 : 2)
    }

    /// Where the name of the query's first option with a secret begins. From there on an `@` ends no authority: it may be
    /// part of the secret.
    private func firstSecretOption(in rest: Bytes) -> Int {
        guard let question = rest.firstIndex(of: .question) else { return rest.endIndex }
        let options = rest[question...].split { $0 == .question || $0 == .ampersand || $0 == .semicolon }
        let secret = options.first { option in
            guard let equals = option.firstIndex(of: .equals) else { return false }
            return SecretNames.contains(option[..<equals])
        }
        return secret?.startIndex ?? rest.endIndex
    }

    /// Whether what stands before an option with a secret and an `@` reads as a password with a raw `/`, `?` or `#` in it,
    /// which that `@` ends.
    private func mayBeCutPassword(_ head: Bytes) -> Bool {
        let end = head.firstIndex(where: \.endsAuthority) ?? head.endIndex
        if head[end...].contains(.at) { return true }
        return head[..<end].split(separator: .comma).contains { !$0.contains(.at) && hasCredentialsShape($0) }
    }

    private func isScheme(_ text: Bytes) -> Bool {
        isSpared(text) || text.allSatisfy(\.isOfURLScheme)
    }

    /// Where user names, passwords, hosts and ports end: at the first `/`, `?` or `#` behind the last `@`. Before one, such
    /// a character may be part of a password that somebody forgot to encode.
    private func authorityEnd(of rest: Bytes) -> Int {
        let lastHost = rest.lastIndex(of: .at) ?? rest.startIndex
        return rest[lastHost...].firstIndex(where: \.endsAuthority) ?? rest.endIndex
    }

    /// Whether a piece without `@` has a `:` that introduces no port.
    private func hasCredentialsShape(_ piece: Bytes) -> Bool {
        if piece.first == .openingBracket { return false }
        guard let colon = piece.firstIndex(of: .colon) else { return false }
        let port = piece[(colon + 1)...]
        if port.allSatisfy(\.isDigit) || isSpared(port) { return false }
        return !piece.allSatisfy { $0 == .colon || $0.isHexadecimalDigit }
    }

    private func maskAuthority(_ authority: Bytes) -> [UInt8] {
        var results: [[UInt8]] = []
        // Pieces that may be the beginning of a password with a raw comma in it.
        var held: [Bytes] = []
        for piece in authority.split(separator: .comma, omittingEmptySubsequences: false) {
            guard let at = piece.lastIndex(of: .at) else {
                held.append(piece)
                continue
            }
            let lacksPassword = !piece[..<at].contains(.colon)
            let start = held.firstIndex { hasCredentialsShape($0) || (lacksPassword && $0.contains(.colon)) }
            if let start {
                results += held[..<start].map { Array($0) }
                results.append(maskHost(authority[held[start].startIndex..<piece.endIndex]))
            } else {
                results += held.map { Array($0) }
                results.append(maskHost(piece))
            }
            held = []
        }
        results += held.map { hasCredentialsShape($0) ? maskHost($0) : Array($0) }
        return Array(results.joined(separator: [.comma]))
    }

    private func maskHost(_ piece: Bytes) -> [UInt8] {
        let at = piece.lastIndex(of: .at) ?? piece.endIndex
        guard let colon = piece[..<at].firstIndex(of: .colon) else { return Array(piece) }
        let password = piece[(colon + 1)..<at]
        if password.isEmpty || isSpared(password) { return Array(piece) }
        return piece[...colon] + Secret.maskBytes + piece[at...]
    }

    private func isSpared(_ text: Bytes) -> Bool {
        text.first == UInt8(ascii: "{") && spares(String(decoding: text, as: UTF8.self))
    }

    /// Masks all behind the name of the first option.
    private func maskAll(_ query: Bytes) -> [UInt8] {
        guard let equals = query.firstIndex(of: .equals) else { return Secret.maskBytes }
        return query[...equals] + Secret.maskBytes
    }

    /// Masks the values of options that hold secrets. A raw `&` in one goes on as a piece without `=`, which is swallowed.
    private func maskQuery(_ query: Bytes) -> [UInt8] {
        var results: [[UInt8]] = []
        var followsSecret = false
        for pair in query.split(separator: .ampersand, omittingEmptySubsequences: false) {
            if followsSecret, !pair.contains(.equals) { continue }
            let (masked, isSecret) = maskOptions(pair)
            results.append(masked)
            followsSecret = isSecret
        }
        return Array(results.joined(separator: [.ampersand]))
    }

    /// One option, or several with `;` between them.
    private func maskOptions(_ text: Bytes) -> (masked: [UInt8], isSecret: Bool) {
        var start = text.startIndex
        while let equals = text[start...].firstIndex(of: .equals) {
            let value = text[(equals + 1)...]
            if SecretNames.contains(text[start..<equals]) {
                if value.isEmpty { return (Array(text), true) }
                if isSpared(value) { return (Array(text), false) }
                return (text[...equals] + Secret.maskBytes, true)
            }
            guard let separator = value.firstIndex(of: .semicolon) else { break }
            start = separator + 1
        }
        return (Array(text), false)
    }
}

/// Credentials in which `:`, `/` and `@` are percent-encoded, once or several times.
enum EncodedCredentials {
    /// Masks those in a text whose plain ones are masked.
    ///
    /// - Parameter mask: masks plain ones. What it finds something in is shown decoded.
    static func masked(in text: [UInt8], _ mask: (ArraySlice<UInt8>) -> [UInt8]) -> [UInt8] {
        guard text.contains(.percent) else { return text }
        var result: [UInt8] = []
        var rest = text[...]
        while true {
            let end = rest.indices.first { rest[$0...].starts(with: Secret.maskBytes) } ?? rest.endIndex
            // The host behind masked credentials: what is encoded in a path is nothing more of them.
            let host =
                rest.first == .at && !result.isEmpty ? rest[..<end].prefix { $0 != .slash && $0 != .question } : []
            result += host
            result += decoded(rest[(rest.startIndex + host.count)..<end], mask)
            if end == rest.endIndex { return result }
            result += Secret.maskBytes
            rest = rest[(end + Secret.maskBytes.count)...]
        }
    }

    private static func decoded(_ text: ArraySlice<UInt8>, _ mask: (ArraySlice<UInt8>) -> [UInt8]) -> [UInt8] {
        var plain = Array(text)
        for _ in 0..<4 {
            let next = PercentDecoding.decoded(plain)
            if next.count == plain.count { break }
            plain = next
            let masked = mask(plain[...])
            // Only what a terminal and a log line can take.
            if masked != plain { return masked.map { $0 < 0x20 || $0 == 0x7F ? .question : $0 } }
        }
        return Array(text)
    }
}

extension Secret {
    static let maskBytes = Array(mask.utf8)
}

extension UInt8 {
    static let at = UInt8(ascii: "@")
    static let colon = UInt8(ascii: ":")
    static let slash = UInt8(ascii: "/")
    static let comma = UInt8(ascii: ",")
    static let question = UInt8(ascii: "?")
    static let ampersand = UInt8(ascii: "&")
    static let semicolon = UInt8(ascii: ";")
    static let equals = UInt8(ascii: "=")
    static let percent = UInt8(ascii: "%")
    static let openingBracket = UInt8(ascii: "[")

    fileprivate var endsAuthority: Bool { self == .slash || self == .question || self == UInt8(ascii: "#") }

    var isDigit: Bool { (0x30...0x39).contains(self) }

    fileprivate var isHexadecimalDigit: Bool {
        isDigit || (0x41...0x46).contains(self) || (0x61...0x66).contains(self)
    }

    var isOfURLScheme: Bool {
        isDigit || (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self) || self == UInt8(ascii: "+")
            || self == UInt8(ascii: "-") || self == UInt8(ascii: ".")
    }
}
