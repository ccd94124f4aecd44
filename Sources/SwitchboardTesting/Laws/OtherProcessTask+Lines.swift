import SwitchboardCore

/// How a task travels to the program that does it: a verb, an address, and bodies, each a line of hexadecimal fields.
extension OtherProcessTask {
    package var lines: [String] {
        switch self {
        case .publish(let bodies, let address):
            ["publish", Self.line(address.fields.map { Array($0.utf8) })] + bodies.map { Self.line([$0]) }
        case .takeAndVanish(let address):
            ["take", Self.line(address.fields.map { Array($0.utf8) })]
        }
    }

    package init?(lines: some Collection<String>) {
        let lines = Array(lines)
        guard lines.count >= 2, let fields = Self.fields(lines[1]) else { return nil }
        guard let address = Address(fields: fields.map { String(decoding: $0, as: UTF8.self) }) else { return nil }
        switch lines[0] {
        case "publish":
            let bodies = lines.dropFirst(2).compactMap { Self.fields($0)?.first }
            guard bodies.count == lines.count - 2 else { return nil }
            self = .publish(bodies: bodies, to: address)
        case "take": self = .takeAndVanish(from: address)
        default: return nil
        }
    }

    private static let digits = Array("0123456789abcdef".utf8)

    /// Fields in hexadecimal, each with a comma behind it.
    private static func line(_ fields: [[UInt8]]) -> String {
        var text: [UInt8] = []
        for field in fields {
            for byte in field { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
            text.append(UInt8(ascii: ","))
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func fields(_ line: String) -> [[UInt8]]? {
        var fields: [[UInt8]] = []
        for field in line.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).dropLast() {
            let values = field.map { digits.firstIndex(of: $0) }
            guard values.count.isMultiple(of: 2), !values.contains(nil) else { return nil }
            let numbers = values.compactMap(\.self)
            fields.append(stride(from: 0, to: numbers.count, by: 2).map { UInt8(numbers[$0] << 4 | numbers[$0 + 1]) })
        }
        return fields
    }
}

extension Address {
    fileprivate var fields: [String] {
        switch self {
        case .topic(let topic): ["topic", topic.exchange, topic.name]
        case .server(let topic, let server): ["server", topic.exchange, topic.name, server]
        case .fanout(let topic): ["fanout", topic.exchange, topic.name]
        case .mailbox(let mailbox): ["mailbox", mailbox.name]
        case .notifications(let topic): ["notifications", topic.exchange, topic.name]
        case .pool(let pool, let topic): ["pool", topic.exchange, topic.name, pool]
        }
    }

    fileprivate init?(fields: [String]) {
        let topic = fields.count >= 3 ? Topic(fields[2], exchange: fields[1]) : Topic("")
        switch (fields.first, fields.count) {
        case ("topic", 3): self = .topic(topic)
        case ("server", 4): self = .server(topic, server: fields[3])
        case ("fanout", 3): self = .fanout(topic)
        case ("mailbox", 2): self = .mailbox(Mailbox(named: fields[1]))
        case ("notifications", 3): self = .notifications(topic)
        case ("pool", 4): self = .pool(fields[3], of: topic)
        default: return nil
        }
    }
}
