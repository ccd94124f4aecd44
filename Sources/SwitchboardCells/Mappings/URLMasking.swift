internal import SwitchboardCore

/// The text of a URL with every secret replaced by `***`, else unchanged.
///
/// Works on what is stored, so on templates and on URLs that no parser takes: a password with a raw `/`, `?`, `#`, `@` or
/// `,` in it is masked whole. In doubt it masks too much.
package func maskingURLSecrets(in text: String) -> String {
    URLMasker(text).mask()
}

private struct URLMasker {
    private let text: Substring

    init(_ text: String) {
        self.text = text[...]
    }

    func mask() -> String {
        var rest = text
        var result = ""
        if let colon = rest.firstIndex(of: ":"), rest[colon...].hasPrefix(":/"), isScheme(rest[..<colon]) {
            let isDouble = rest[colon...].hasPrefix("://")
            let start = rest.index(colon, offsetBy: isDouble ? 3 : 1)
            result += rest[..<start]
            rest = rest[start...]
        }
        let secret = firstSecretOption(in: rest)
        let (head, tail) = (rest[..<secret], rest[secret...])
        let isAmbiguous = tail.contains("@")
        if isAmbiguous, mayBeCutPassword(head), let colon = head.firstIndex(of: ":") {
            result += head[...colon]
            result += Secret.mask
            return result
        }
        let authority = head[..<authorityEnd(of: head)]
        result += maskAuthority(authority)
        result += head[authority.endIndex...]
        result += isAmbiguous ? maskAll(tail) : maskQuery(tail)
        return result
    }

    /// Where the name of the query's first option with a secret begins. From there on an `@` ends no authority: it may be
    /// part of the secret.
    private func firstSecretOption(in rest: Substring) -> Substring.Index {
        guard let question = rest.firstIndex(of: "?") else { return rest.endIndex }
        let options = rest[question...].split { $0 == "?" || $0 == "&" || $0 == ";" }
        let secret = options.first { option in
            guard let equals = option.firstIndex(of: "=") else { return false }
            return namesSecret(option[..<equals])
        }
        return secret?.startIndex ?? rest.endIndex
    }

    /// Whether what stands before an option with a secret and an `@` reads as a password with a raw `/`, `?` or `#` in it,
    /// which that `@` ends.
    private func mayBeCutPassword(_ head: Substring) -> Bool {
        let end = head.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? head.endIndex
        if head[end...].contains("@") { return true }
        return head[..<end].split(separator: ",").contains { !$0.contains("@") && hasCredentialsShape($0) }
    }

    private func isScheme(_ text: Substring) -> Bool {
        isVariable(text)
            || text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "+" || $0 == "-" || $0 == ".") }
    }

    /// Where user names, passwords, hosts and ports end: at the first `/`, `?` or `#` behind the last `@`. Before one, such
    /// a character may be part of a password that somebody forgot to encode.
    private func authorityEnd(of rest: Substring) -> Substring.Index {
        let lastHost = rest.lastIndex(of: "@") ?? rest.startIndex
        return rest[lastHost...].firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
    }

    /// Whether a piece without `@` has a `:` that introduces no port.
    private func hasCredentialsShape(_ piece: Substring) -> Bool {
        if piece.hasPrefix("[") { return false }
        guard let colon = piece.firstIndex(of: ":") else { return false }
        let port = piece[piece.index(after: colon)...]
        if port.allSatisfy({ $0.isASCII && $0.isNumber }) || isVariable(port) { return false }
        let isIPv6 = piece.allSatisfy { $0 == ":" || ($0.isASCII && $0.isHexDigit) }
        return !isIPv6
    }

    private func maskAuthority(_ authority: Substring) -> String {
        var results: [String] = []
        // Pieces that may be the beginning of a password with a raw comma in it.
        var held: [Substring] = []
        for piece in authority.split(separator: ",", omittingEmptySubsequences: false) {
            guard let at = piece.lastIndex(of: "@") else {
                held.append(piece)
                continue
            }
            let lacksPassword = !piece[..<at].contains(":")
            let start = held.firstIndex { hasCredentialsShape($0) || (lacksPassword && $0.contains(":")) }
            if let start {
                results += held[..<start].map(String.init)
                results.append(maskHost(authority[held[start].startIndex..<piece.endIndex]))
            } else {
                results += held.map(String.init)
                results.append(maskHost(piece))
            }
            held = []
        }
        results += held.map { hasCredentialsShape($0) ? maskHost($0) : String($0) }
        return results.joined(separator: ",")
    }

    private func maskHost(_ piece: Substring) -> String {
        let at = piece.lastIndex(of: "@") ?? piece.endIndex
        guard let colon = piece[..<at].firstIndex(of: ":") else { return String(piece) }
        let password = piece[piece.index(after: colon)..<at]
        if password.isEmpty || isVariable(password) { return String(piece) }
        return piece[...colon] + Secret.mask + piece[at...]
    }

    /// Whether the text is one variable of a template, which is no secret.
    private func isVariable(_ text: Substring) -> Bool {
        guard text.hasPrefix("{"), text.hasSuffix("}") else { return false }
        return URLTemplate.Variable(text.dropFirst().dropLast()) != nil
    }

    /// Masks all behind the name of the first option.
    private func maskAll(_ query: Substring) -> String {
        guard let equals = query.firstIndex(of: "=") else { return Secret.mask }
        return query[...equals] + Secret.mask
    }

    /// Masks the values of options that hold secrets. A raw `&` in one goes on as a piece without `=`, which is swallowed.
    private func maskQuery(_ query: Substring) -> String {
        var results: [String] = []
        var followsSecret = false
        for pair in query.split(separator: "&", omittingEmptySubsequences: false) {
            if followsSecret, !pair.contains("=") { continue }
            let (masked, isSecret) = maskOptions(pair)
            results.append(masked)
            followsSecret = isSecret
        }
        return results.joined(separator: "&")
    }

    /// One option, or several with `;` between them.
    private func maskOptions(_ text: Substring) -> (masked: String, isSecret: Bool) {
        var start = text.startIndex
        while let equals = text[start...].firstIndex(of: "=") {
            let value = text[text.index(after: equals)...]
            if namesSecret(text[start..<equals]) {
                if value.isEmpty { return (String(text), true) }
                if isVariable(value) { return (String(text), false) }
                return (text[...equals] + Secret.mask, true)
            }
            guard let separator = value.firstIndex(of: ";") else { break }
            start = text.index(after: separator)
        }
        return (String(text), false)
    }

    private func namesSecret(_ name: Substring) -> Bool {
        TransportURL.Option(percentDecoded(name), "").isSecret
    }

    private func percentDecoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let value = UInt8(Substring(rest.prefix(2)), radix: 16) {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
