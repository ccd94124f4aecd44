extension Secret {
    /// Replaces everything in a text that looks like a credential by ``mask``: the passwords of URLs (including
    /// malformed ones, and those with several hosts, without slashes, or percent-encoded), `name:password@host` without
    /// a scheme, and values whose name suggests a password, passphrase, secret, token, credential or key.
    ///
    /// Use it for every text from elsewhere that you show: an argument, a file, a peer's message, another library's
    /// error. When in doubt it masks too much. Masking a text twice makes no difference.
    public static func masked(in text: String) -> String {
        let isPlain = text.utf8.allSatisfy { $0 != .at && $0 != .equals && $0 != .colon && $0 != .percent }
        if isPlain { return text }
        let bytes = Array(text.utf8)
        let masked = NamedSecrets.masked(in: TextMasker(bytes[...]).masked()[...])
        return masked == bytes ? text : String(decoding: masked, as: UTF8.self)
    }
}

/// Masks URLs and credentials inside of sentences, lists, JSON and configuration files.
private struct TextMasker {
    private let text: ArraySlice<UInt8>

    /// How far behind a password that breaks off its `@` is looked for.
    private static let reach = 256

    init(_ text: ArraySlice<UInt8>) {
        self.text = text
    }

    func masked() -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var index = text.startIndex
        while index < text.endIndex {
            var end = index
            while end < text.endIndex, !isDelimiter(end) { end += 1 }
            if end > index {
                end = extended(index..<end)
                result += Self.maskedToken(text[index..<end])
                index = end
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }

    private func isDelimiter(_ index: Int) -> Bool {
        let byte = text[index]
        if byte <= 0x20 { return true }
        guard byte.isQuote else { return false }
        // A quote inside of a word may be a part of a password.
        return index == text.startIndex || index + 1 == text.endIndex || text[index - 1].isStructural
            || text[index + 1].isStructural
    }

    /// The end of a word, moved behind the next `@` where the word is a URL that breaks off in a password.
    private func extended(_ token: Range<Int>) -> Int {
        let start = Self.urlStart(text[token])
        guard start != nil || text[token].contains(.at) else { return token.upperBound }
        guard let start, URLMasker.breaksOff(text[start..<token.upperBound]) else { return token.upperBound }
        let reach = text[token.upperBound...].prefix(Self.reach)
        guard let at = reach.firstIndex(of: .at) else { return token.upperBound }
        var end = at + 1
        while end < text.endIndex, !isDelimiter(end) { end += 1 }
        return end
    }

    /// Where the scheme of a word's first URL begins.
    private static func urlStart(_ token: ArraySlice<UInt8>) -> Int? {
        guard let colon = token.indices.dropLast().first(where: { token[$0] == .colon && token[$0 + 1] == .slash })
        else { return nil }
        var start = colon
        while start > token.startIndex, token[start - 1].isOfURLScheme { start -= 1 }
        return start < colon && !token[..<start].contains(.at) ? start : nil
    }

    private static func maskedToken(_ token: ArraySlice<UInt8>) -> [UInt8] {
        EncodedCredentials.masked(in: maskedPlainly(token), maskedPlainly)
    }

    private static func maskedPlainly(_ token: ArraySlice<UInt8>) -> [UInt8] {
        guard let colon = token.firstIndex(of: .colon) else { return Array(token) }
        // What was masked before is not read again: what stands behind it would be taken for the password's rest.
        if let mask = token.indices.first(where: { token[$0...].starts(with: Secret.maskBytes) }) {
            let behind = token[(mask + Secret.maskBytes.count)...]
            let host = behind.first == .at ? behind.prefix { $0 != .slash && $0 != .question && $0 != .comma } : []
            let rest = behind[(behind.startIndex + host.count)...]
            let ahead = token[..<mask]
            return (ahead.contains(.at) ? maskedPlainly(ahead) : Array(ahead)) + Secret.maskBytes + host
                + maskedPlainly(rest)
        }
        if let start = urlStart(token) {
            return token[..<start] + URLMasker.masked(token[start...])
        }
        guard let at = token.lastIndex(of: .at), colon < at else { return Array(token) }
        return URLMasker.masked(token)
    }
}

/// Masks what follows names that announce a secret: `password=…`, `"token": "…"`, `Authorization: Bearer …`.
private enum NamedSecrets {
    static func masked(in text: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var copied = text.startIndex
        var index = text.startIndex
        while index < text.endIndex {
            defer { index += 1 }
            guard text[index] == .equals || text[index] == .colon, let name = name(before: index, in: text[copied...]),
                SecretNames.contains(text[name])
            else { continue }
            let value = value(behind: index, isFirst: isFirst(name.lowerBound, in: text), in: text)
            guard !value.isEmpty, !text[value].starts(with: Secret.maskBytes) else { continue }
            result += text[copied..<value.lowerBound]
            result += Secret.maskBytes
            copied = value.upperBound
            index = copied - 1
        }
        return result + text[copied...]
    }

    private static func name(before separator: Int, in text: ArraySlice<UInt8>) -> Range<Int>? {
        guard separator >= text.startIndex else { return nil }
        var end = separator
        while end > text.startIndex, text[end - 1].isBlank { end -= 1 }
        while end > text.startIndex, text[end - 1].isQuote || text[end - 1] == UInt8(ascii: "\\") { end -= 1 }
        var start = end
        while start > text.startIndex, text[start - 1].isOfName { start -= 1 }
        return start < end ? start..<end : nil
    }

    /// Whether nothing but blanks and quotes stands before a name in its line.
    private static func isFirst(_ start: Int, in text: ArraySlice<UInt8>) -> Bool {
        var index = start
        while index > text.startIndex, text[index - 1].isBlank { index -= 1 }
        return index == text.startIndex || text[index - 1].isLineEnd
    }

    private static func value(behind separator: Int, isFirst: Bool, in text: ArraySlice<UInt8>) -> Range<Int> {
        var start = separator + 1
        while start < text.endIndex, [.equals, UInt8(ascii: ">")].contains(text[start]) { start += 1 }
        // A scheme of such a name.
        if text[start...].starts(with: [.slash, .slash]) { return start..<start }
        while start < text.endIndex, text[start].isBlank { start += 1 }
        var slashes = start
        while slashes < text.endIndex, text[slashes] == UInt8(ascii: "\\") { slashes += 1 }
        if slashes < text.endIndex, text[slashes].isQuote {
            return slashes + 1..<endOfQuoted(from: slashes + 1, by: text[slashes], isEscaped: slashes > start, in: text)
        }
        let line = text[start...].prefix { !$0.isLineEnd }
        if isFirst { return line.startIndex..<trimmed(line) }
        return start..<trimmed(text[start..<endOfWord(line)])
    }

    /// The next such quote that ends something; the line's end where there is none.
    private static func endOfQuoted(
        from start: Int, by quote: UInt8, isEscaped: Bool, in text: ArraySlice<UInt8>
    ) -> Int {
        let line = text[start...].prefix { !$0.isLineEnd }
        let end = line.indices.first { index in
            guard line[index] == quote else { return false }
            let follows = index + 1 == text.endIndex || text[index + 1].isStructural
            let hasBackslash = index > start && line[index - 1] == UInt8(ascii: "\\")
            return follows && hasBackslash == isEscaped
        }
        guard let end else { return line.endIndex }
        return isEscaped ? end - 1 : end
    }

    /// Where a word ends: at a blank, or an `&` before another option.
    private static func endOfWord(_ line: ArraySlice<UInt8>) -> Int {
        var end = line.startIndex
        while end < line.endIndex, !line[end].isBlank {
            if line[end] == .ampersand {
                let option = line[(end + 1)...].prefix { $0 != .ampersand && !$0.isBlank }
                if option.contains(.equals) { break }
            }
            end += 1
        }
        let isMethod = ["bearer", "basic", "digest", "negotiate"].contains(
            String(decoding: line[..<end], as: UTF8.self).lowercased())
        if isMethod, end < line.endIndex, !line[(end + 1)...].isEmpty {
            return endOfWord(line[(end + 1)...])
        }
        return end
    }

    /// The end without the marks that close a quotation or a sentence.
    private static func trimmed(_ value: ArraySlice<UInt8>) -> Int {
        var end = value.endIndex
        while end > value.startIndex, value[end - 1].isQuote || value[end - 1].isClosing { end -= 1 }
        return end > value.startIndex ? end : value.endIndex
    }
}

extension UInt8 {
    fileprivate var isBlank: Bool { self == 0x20 || self == 0x09 }
    fileprivate var isLineEnd: Bool { self == 0x0A || self == 0x0D }
    fileprivate var isQuote: Bool {
        self == UInt8(ascii: "\"") || self == UInt8(ascii: "'") || self == UInt8(ascii: "`")
    }

    fileprivate var isClosing: Bool {
        self == UInt8(ascii: ")") || self == UInt8(ascii: ".") || self == UInt8(ascii: ",") || self == UInt8(ascii: "}")
            || self == UInt8(ascii: "]") || self == .semicolon
    }

    /// Whether a quote beside it begins or ends a quotation.
    fileprivate var isStructural: Bool {
        self <= 0x20 || isClosing || self == .colon || self == .equals || self == UInt8(ascii: "{")
            || self == .openingBracket || self == UInt8(ascii: "(") || self == UInt8(ascii: "\\")
    }

    fileprivate var isOfName: Bool {
        isOfURLScheme || self == UInt8(ascii: "_") || self == .percent
    }
}
