/// The name of a message: all that the spool must know before it opens the file.
///
///     0199f1c2a3b40001-5e3c9a77,s=412,a=1,r,x=199f1c2b000
///
/// Identifier (wall-clock milliseconds and a counter; its order is the queue's order) and the writer's tag, then the size
/// of the file in bytes, how many attempts at handling the message there were, `r` when it came back unhandled once, and,
/// where it has an end, the millisecond it expires.
package struct MessageName: Hashable, Sendable, Comparable, CustomStringConvertible {
    package var identifier: UInt64
    package var tag: UInt32
    package var size: Int
    package var attempt: Int
    /// Whether the message was delivered and came back unhandled, which counts as no attempt.
    package var wasReleased: Bool
    package var expires: UInt64?

    package init(
        identifier: UInt64, tag: UInt32, size: Int, attempt: Int = 0, wasReleased: Bool = false, expires: UInt64? = nil
    ) {
        self.identifier = identifier
        self.tag = tag
        self.size = size
        self.attempt = attempt
        self.wasReleased = wasReleased
        self.expires = expires
    }

    /// `nil` for a name that no spool wrote.
    package init?(_ text: some StringProtocol) {
        var text = String(text)
        guard let name = text.withUTF8({ MessageName(utf8: UnsafeRawBufferPointer($0)) }) else { return nil }
        self = name
    }

    /// The same from bytes: long directories are read without a string for each entry.
    package init?(utf8 bytes: UnsafeRawBufferPointer) {
        var rest = NameReader(bytes)
        guard let identifier = rest.number(radix: 16, width: 16), rest.skip("-"),
            let tag = rest.number(radix: 16, width: 8), rest.skip(",s="), let size = rest.number(radix: 10),
            rest.skip(",a="), let attempt = rest.number(radix: 10), size <= 1 << 40,
            attempt <= 1_000_000_000
        else { return nil }
        let wasReleased = rest.skip(",r")
        var expires: UInt64?
        if !rest.isAtEnd {
            guard rest.skip(",x="), let moment = rest.number(radix: 16), rest.isAtEnd else { return nil }
            expires = moment
        }
        self.init(
            identifier: identifier, tag: UInt32(tag), size: Int(size), attempt: Int(attempt), wasReleased: wasReleased,
            expires: expires)
    }

    package var description: String {
        String(unsafeUninitializedCapacity: 120) { buffer in
            var text = TextWriter(buffer)
            writeKey(&text)
            text.write(",s=")
            text.write(UInt64(size), radix: 10)
            text.write(",a=")
            text.write(UInt64(attempt), radix: 10)
            if wasReleased { text.write(",r") }
            if let expires {
                text.write(",x=")
                text.write(expires, radix: 16)
            }
            return text.count
        }
    }

    /// The part that never changes.
    package var key: String {
        String(unsafeUninitializedCapacity: 25) { buffer in
            var text = TextWriter(buffer)
            writeKey(&text)
            return text.count
        }
    }

    private func writeKey(_ text: inout TextWriter) {
        text.write(identifier, radix: 16, width: 16)
        text.write("-")
        text.write(UInt64(tag), radix: 16, width: 8)
    }

    /// Whether the delivery of this name is a redelivery.
    package var isRedelivered: Bool { attempt > 1 || wasReleased }

    /// The name of a message that comes back unhandled.
    package var released: MessageName {
        var name = self
        name.attempt = max(0, attempt - 1)
        name.wasReleased = true
        return name
    }

    package func isExpired(at milliseconds: UInt64) -> Bool {
        if let expires { expires <= milliseconds } else { false }
    }

    package static func < (one: MessageName, other: MessageName) -> Bool {
        (one.identifier, one.tag, one.attempt) < (other.identifier, other.tag, other.attempt)
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
