package import SwitchboardCore

/// The name of a queue's directory: reversible, readable, and never able to leave the spool.
///
/// A kind and its names, joined by `~`. Letters, digits, `_`, `.` and `-` stand for themselves; every other byte, and a
/// dot in the first place, is `%` and two hexadecimal digits. What would be longer than 200 bytes is cut and ends in
/// `~+` and a hash: the file `address` in the directory holds it whole.
package struct QueueName: Hashable, Sendable, CustomStringConvertible {
    package enum Kind: String, Sendable, CaseIterable {
        case topic, server, fanout, mailbox, notifications, pool
    }

    package let kind: Kind
    package let parts: [String]

    package init(_ kind: Kind, _ parts: String...) {
        self.kind = kind
        self.parts = parts
    }

    /// The queue that a message for the address goes to; for a fanout, what its subscribers' queues are bound to.
    package init(_ address: Address) {
        switch address {
        case .topic(let topic): self.init(.topic, topic.exchange, topic.name)
        case .server(let topic, let server): self.init(.server, topic.exchange, topic.name, server)
        case .fanout(let topic): self.init(.fanout, topic.exchange, topic.name)
        case .mailbox(let mailbox): self.init(.mailbox, mailbox.name)
        case .notifications(let topic): self.init(.notifications, topic.exchange, topic.name)
        case .pool(let pool, _): self.init(.pool, pool)
        }
    }

    /// Reads the whole form; `nil` when it is none.
    package init?(encoded: String) {
        let pieces = encoded.utf8.split(separator: UInt8(ascii: "~"), omittingEmptySubsequences: false)
        guard pieces.count >= 2, let kind = Kind(rawValue: String(Substring(pieces[0]))) else { return nil }
        var parts: [String] = []
        for piece in pieces.dropFirst() {
            guard let part = Self.unescape(piece) else { return nil }
            parts.append(part)
        }
        let expected: ClosedRange<Int> =
            switch kind {
            case .mailbox, .pool: 1...1
            case .topic, .notifications: 2...2
            case .server: 3...3
            case .fanout: 2...3
            }
        guard expected.contains(parts.count) else { return nil }
        self.kind = kind
        self.parts = parts
    }

    /// A subscriber's own queue for the copies of this fanout.
    package func subscriber(_ name: String) -> QueueName {
        precondition(kind == .fanout && parts.count == 2, "Only a fanout has subscribers' queues, not \(self).")
        return QueueName(.fanout, parts[0], parts[1], name)
    }

    /// Whether the queue dies with its subscribers, so that its messages are not worth a sync.
    package var isEphemeral: Bool {
        kind == .fanout || kind == .mailbox
    }

    /// The whole name: what the file `address` holds.
    package var encoded: String {
        ([kind.rawValue] + parts.map(Self.escape)).joined(separator: "~")
    }

    private static let wholeLength = 200

    /// Whether the directory's name is not the whole one, so that only the file `address` says whose it is.
    package var isCut: Bool { encoded.utf8.count > Self.wholeLength }

    /// The name of the directory; at most 236 bytes.
    package var directoryName: String {
        let whole = encoded
        guard whole.utf8.count > Self.wholeLength else { return whole }
        var first: UInt64 = 0xCBF2_9CE4_8422_2325
        var second: UInt64 = 0x9E37_79B9_7F4A_7C15
        for byte in whole.utf8 {
            first = (first ^ UInt64(byte)) &* 0x100_0000_01B3
            second = (second &+ UInt64(byte)) &* 0xD6E8_FEB8_6659_FD93
            second ^= second >> 29
        }
        return String(Substring(whole.utf8.prefix(Self.wholeLength))) + "~+" + hexadecimal(first, 16)
            + hexadecimal(second, 16)
    }

    package var description: String {
        switch kind {
        case .server: "server \(parts[2]) of topic \(parts[0])/\(parts[1])"
        case .mailbox, .pool: "\(kind.rawValue) \(parts[0])"
        default: "\(kind.rawValue) " + parts.joined(separator: "/")
        }
    }

    private static func escape(_ part: String) -> String {
        let isPlain = { (byte: UInt8, index: Int) in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: "-"): true
            case UInt8(ascii: "."): index > 0
            default: false
            }
        }
        if part.utf8.enumerated().allSatisfy({ isPlain($0.element, $0.offset) }) { return part }
        var text = ""
        for (index, byte) in part.utf8.enumerated() {
            if isPlain(byte, index) {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                text += "%" + hexadecimal(UInt64(byte), 2)
            }
        }
        return text
    }

    private static func unescape(_ piece: Substring.UTF8View) -> String? {
        var bytes: [UInt8] = []
        var rest = piece[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(digitValue), let low = rest.popFirst().flatMap(digitValue)
            else { return nil }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

/// A number in lower-case hexadecimal digits, at least `width` of them.
package func hexadecimal(_ value: UInt64, _ width: Int) -> String {
    String(unsafeUninitializedCapacity: max(16, width)) { buffer in
        var text = TextWriter(buffer)
        text.write(value, radix: 16, width: width)
        return text.count
    }
}

/// What a hexadecimal digit stands for.
package func digitValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
}
