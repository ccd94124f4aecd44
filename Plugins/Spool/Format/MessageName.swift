/// The name of a message: all that the spool must know before it opens the file.
///
///     0199f1c2a3b40001-5e3c9a77,s=412,a=1,x=0199f1c2b000
///
/// Identifier (wall-clock milliseconds and a counter; its order is the queue's order) and the writer's tag, then the size
/// of the file in bytes, how often the message has been delivered, and, where it has an end, the millisecond it expires.
package struct MessageName: Hashable, Sendable, Comparable, CustomStringConvertible {
    package var identifier: UInt64
    package var tag: UInt32
    package var size: Int
    package var attempt: Int
    package var expires: UInt64?

    package init(identifier: UInt64, tag: UInt32, size: Int, attempt: Int = 0, expires: UInt64? = nil) {
        self.identifier = identifier
        self.tag = tag
        self.size = size
        self.attempt = attempt
        self.expires = expires
    }

    /// `nil` for a name that no spool wrote.
    package init?(_ text: some StringProtocol) {
        var rest = Substring(text).utf8[...]
        guard let identifier = Self.number(&rest, radix: 16, width: 16), rest.popFirst() == UInt8(ascii: "-"),
            let tag = Self.number(&rest, radix: 16, width: 8), Self.skip(&rest, ",s="),
            let size = Self.number(&rest, radix: 10), Self.skip(&rest, ",a="),
            let attempt = Self.number(&rest, radix: 10), size <= UInt64(Int.max >> 1), attempt <= 1_000_000_000
        else { return nil }
        var expires: UInt64?
        if !rest.isEmpty {
            guard Self.skip(&rest, ",x="), let moment = Self.number(&rest, radix: 16), rest.isEmpty else { return nil }
            expires = moment
        }
        self.init(
            identifier: identifier, tag: UInt32(tag), size: Int(size), attempt: Int(attempt), expires: expires)
    }

    package var description: String {
        var text = "\(key),s=\(size),a=\(attempt)"
        if let expires { text += ",x=\(hexadecimal(expires, 1))" }
        return text
    }

    /// The part that never changes.
    package var key: String {
        "\(hexadecimal(identifier, 16))-\(hexadecimal(UInt64(tag), 8))"
    }

    package func isExpired(at milliseconds: UInt64) -> Bool {
        if let expires { expires <= milliseconds } else { false }
    }

    package static func < (one: MessageName, other: MessageName) -> Bool {
        (one.identifier, one.tag, one.attempt) < (other.identifier, other.tag, other.attempt)
    }

    private static func skip(_ rest: inout Substring.UTF8View, _ text: StaticString) -> Bool {
        text.withUTF8Buffer { expected in
            for byte in expected where rest.popFirst() != byte { return false }
            return true
        }
    }

    private static func number(_ rest: inout Substring.UTF8View, radix: UInt64, width: Int? = nil) -> UInt64? {
        var value: UInt64 = 0
        var count = 0
        while let byte = rest.first, count < width ?? .max, let digit = digitValue(byte), digit < radix {
            let (product, overflow) = value.multipliedReportingOverflow(by: radix)
            let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
            if overflow || carry { return nil }
            value = sum
            count += 1
            rest.removeFirst()
        }
        return count == 0 || (width != nil && count != width) ? nil : value
    }
}

/// A claimed message's name and who claimed it: `<name>@<owner>`.
package struct ClaimName: Hashable, Sendable, CustomStringConvertible {
    package var message: MessageName
    package var owner: String

    package init(message: MessageName, owner: String) {
        self.message = message
        self.owner = owner
    }

    package init?(_ text: String) {
        guard let at = text.lastIndex(of: "@"), let message = MessageName(text[..<at]) else { return nil }
        self.init(message: message, owner: String(text[text.index(after: at)...]))
    }

    package var description: String { "\(message)@\(owner)" }
}
