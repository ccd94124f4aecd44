/// URIs as the library that oslo.config uses for them checks them: a scheme, and a host behind two slashes.
enum URIText {
    static func isValid(_ text: String, schemes: [String]) -> Bool {
        let bytes = Array(text.utf8)
        guard let colon = bytes.firstIndex(where: { !isOfScheme($0) }), bytes[colon] == UInt8(ascii: ":"),
            let first = bytes.first, isLetter(first)
        else { return false }
        let scheme = String(decoding: bytes[..<colon], as: UTF8.self)
        if !schemes.isEmpty, !schemes.contains(where: { $0.lowercased() == scheme }) { return false }
        var rest = bytes[(colon + 1)...]
        guard rest.starts(with: [slash, slash]) else { return false }
        rest = rest.dropFirst(2)
        var authority = rest.prefix { $0 != slash && $0 != UInt8(ascii: "\\") && !endsPath($0) }
        guard !authority.isEmpty else { return false }
        // Python's patterns end before a last line feed, too. What has to be encoded in the path is taken as if it were.
        if authority.last == UInt8(ascii: "\n") { authority.removeLast() }
        return isValidAuthority(authority)
    }

    private static func isValidAuthority(_ authority: ArraySlice<UInt8>) -> Bool {
        var host = authority
        if let at = authority.firstIndex(of: UInt8(ascii: "@")) {
            let user = authority[..<at]
            guard !user.isEmpty,
                isEncoded(user, { isUnreserved($0) || isSubDelimiter($0) || $0 == UInt8(ascii: ":") })
            else { return false }
            host = authority[(at + 1)...]
        }
        if host.first == UInt8(ascii: "[") {
            guard let bracket = host.firstIndex(of: UInt8(ascii: "]")) else { return false }
            let address = String(decoding: host[host.startIndex + 1..<bracket], as: UTF8.self)
            return isPort(host[(bracket + 1)...]) && isLiteral(address)
        }
        if let colon = host.firstIndex(of: UInt8(ascii: ":")) {
            guard isPort(host[colon...]) else { return false }
            host = host[..<colon]
        }
        guard isEncoded(host, { isUnreserved($0) || isSubDelimiter($0) }) else { return false }
        let numbers = host.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        // What begins as an IPv4 address has to be one as a whole.
        guard looksLikeIPv4(numbers) else { return true }
        return numbers.allSatisfy { UInt8(String(decoding: $0, as: UTF8.self)) != nil }
    }

    private static func looksLikeIPv4(_ numbers: [ArraySlice<UInt8>]) -> Bool {
        numbers.count == 4 && numbers.allSatisfy { (1...3).contains($0.count) && $0.allSatisfy(isDigit) }
    }

    /// Nothing, or a colon and up to five digits.
    private static func isPort(_ text: ArraySlice<UInt8>) -> Bool {
        if text.isEmpty { return true }
        let digits = text.first == UInt8(ascii: ":") ? text.dropFirst() : text
        return digits.count <= 5 && digits.allSatisfy(isDigit)
    }

    /// An IPv6 address, with a zone behind `%25`, or an address of a kind that isn't there yet.
    private static func isLiteral(_ address: String) -> Bool {
        if address.hasPrefix("v") {
            let parts = address.utf8.dropFirst().split(separator: UInt8(ascii: "."), maxSplits: 1)
            return parts.count == 2 && parts[0].allSatisfy(isHexadecimal)
                && parts[1].allSatisfy { isUnreserved($0) || isSubDelimiter($0) || $0 == UInt8(ascii: ":") }
        }
        guard let percent = address.firstIndex(of: "%") else { return isIPv6(address) }
        let zone = Array(address[percent...].utf8)
        return zone.starts(with: Array("%25".utf8)) && zone.count > 3 && isEncoded(zone[3...], isUnreserved)
            && isIPv6(String(address[..<percent]))
    }

    private static func isIPv6(_ address: String) -> Bool {
        let halves = address.split(separator: "::", omittingEmptySubsequences: false)
        guard halves.count <= 2 else { return false }
        /// The number of 16-bit pieces; `nil` where one isn't.
        func pieces(_ text: Substring, endsAddress: Bool) -> Int? {
            if text.isEmpty { return 0 }
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            var count = 0
            for (index, part) in parts.enumerated() {
                if endsAddress, index == parts.count - 1, part.contains(".") {
                    let numbers = Array(part.utf8)[...].split(
                        separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
                    guard looksLikeIPv4(numbers) else { return nil }
                    count += 2
                } else {
                    guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy(isHexadecimal) else { return nil }
                    count += 1
                }
            }
            return count
        }
        if halves.count == 1 { return pieces(halves[0], endsAddress: true) == 8 && !address.isEmpty }
        guard let head = pieces(halves[0], endsAddress: false), let tail = pieces(halves[1], endsAddress: true)
        else { return false }
        return head + tail <= 7
    }

    /// Whether all bytes are allowed, or percent-encoded.
    private static func isEncoded(_ text: ArraySlice<UInt8>, _ isAllowed: (UInt8) -> Bool) -> Bool {
        var index = text.startIndex
        while index < text.endIndex {
            if text[index] == UInt8(ascii: "%") {
                guard index + 2 < text.endIndex, isHexadecimal(text[index + 1]), isHexadecimal(text[index + 2]) else {
                    return false
                }
                index += 3
            } else {
                guard isAllowed(text[index]) else { return false }
                index += 1
            }
        }
        return true
    }

    private static let slash = UInt8(ascii: "/")

    private static func endsPath(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#") }
    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    private static func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte & 0xDF) }
    private static func isHexadecimal(_ byte: UInt8) -> Bool { isDigit(byte) || (0x41...0x46).contains(byte & 0xDF) }
    private static func isUnreserved(_ byte: UInt8) -> Bool {
        isLetter(byte) || isDigit(byte) || "._~-".utf8.contains(byte)
    }
    private static func isSubDelimiter(_ byte: UInt8) -> Bool { "!$&'()*+,;=".utf8.contains(byte) }
    private static func isOfScheme(_ byte: UInt8) -> Bool {
        isLetter(byte) || isDigit(byte) || "+.-".utf8.contains(byte)
    }
}
