/// What may stand where a URL names a host.
enum HostName {
    /// Whether a byte may stand for itself in a name: RFC 3986's `reg-name` without `,` and `;`, which users mean as
    /// separators, and all bytes of other scripts' letters.
    static func takes(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x80...0xFF: true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): true
        case UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "("): true
        case UInt8(ascii: ")"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "="): true
        default: false
        }
    }

    /// Whether the text is an IPv6 address (RFC 4291 §2.2), with or without a zone behind a `%`.
    static func isIPv6(_ text: String) -> Bool {
        var address = Array(text.utf8)[...]
        if let percent = address.firstIndex(of: UInt8(ascii: "%")) {
            let zone = address[(percent + 1)...]
            guard !zone.isEmpty, zone.allSatisfy(takes) else { return false }
            address = address[..<percent]
        }
        var groups = 0
        var isCompressed = false
        var followsGroup = false
        while !address.isEmpty {
            if address.starts(with: [UInt8(ascii: ":"), UInt8(ascii: ":")]) {
                guard !isCompressed else { return false }
                isCompressed = true
                followsGroup = false
                address = address.dropFirst(2)
                continue
            }
            if followsGroup {
                address = address.dropFirst()
            }
            let group = address.prefix { $0 != UInt8(ascii: ":") }
            address = address.dropFirst(group.count)
            followsGroup = true
            if group.contains(UInt8(ascii: ".")) {
                guard address.isEmpty, isIPv4(group) else { return false }
                groups += 2
            } else {
                guard (1...4).contains(group.count), group.allSatisfy(isHexadecimal) else { return false }
                groups += 1
            }
        }
        return isCompressed ? groups < 8 : groups == 8
    }

    private static func isIPv4(_ text: ArraySlice<UInt8>) -> Bool {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                (1...3).contains(part.count) && part.allSatisfy { (0x30...0x39).contains($0) }
                    && part.reduce(0) { $0 * 10 + Int($1 - 0x30) } <= 255
            }
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
        default: false
        }
    }
}
