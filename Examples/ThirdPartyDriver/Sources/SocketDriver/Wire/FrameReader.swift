import SwitchboardCore

/// Takes the fields of a frame apart. A peer's bytes never trap: what does not fit is `nil`.
struct FrameReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) {
        rest = bytes[...]
    }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func byte() -> UInt8? {
        rest.popFirst()
    }

    mutating func number() -> UInt64? {
        guard rest.count >= 8 else { return nil }
        defer { rest = rest.dropFirst(8) }
        return rest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    mutating func field() -> [UInt8]? {
        guard let length = number(), let count = Int(exactly: length), count <= rest.count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    mutating func text() -> String? {
        field().flatMap { String(validating: $0, as: UTF8.self) }
    }

    mutating func address() -> Address? {
        guard let kind = byte() else { return nil }
        if kind == 4 { return text().map { .mailbox(Mailbox(named: $0)) } }
        guard let exchange = text(), let name = text() else { return nil }
        let topic = Topic(name, exchange: exchange)
        switch kind {
        case 1: return .topic(topic)
        case 2: return text().map { .server(topic, server: $0) }
        case 3: return .fanout(topic)
        case 5: return .notifications(topic)
        case 6: return text().map { .pool($0, of: topic) }
        default: return nil
        }
    }

    mutating func settlement() -> Settlement? {
        switch byte() {
        case 1: .accept
        case 2: .requeue
        case 4: .release
        case 3: text().map { .discard(reason: $0) }
        default: nil
        }
    }

    mutating func message() -> Message? {
        // Each header has two lengths of eight bytes.
        guard let type = text(), let encoding = text(), let count = number(), count <= UInt64(rest.count / 16)
        else { return nil }
        var headers: [String: String] = [:]
        for _ in 0..<count {
            guard let name = text(), let value = text() else { return nil }
            headers[name] = value
        }
        guard let milliseconds = number(), let body = field() else { return nil }
        return Message(
            body: body, contentType: type, contentEncoding: encoding, headers: headers,
            timeToLive: milliseconds == 0 ? nil : .milliseconds(Int64(clamping: min(milliseconds, 1 << 50))))
    }
}
