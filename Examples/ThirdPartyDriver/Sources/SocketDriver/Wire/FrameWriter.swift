import SwitchboardCore

/// Puts the fields of a frame together.
struct FrameWriter {
    private var bytes: [UInt8] = [0, 0, 0, 0]

    mutating func put(kind: UInt8) {
        bytes.append(kind)
    }

    mutating func put(_ number: UInt64) {
        for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }

    mutating func put(_ field: [UInt8]) {
        put(UInt64(field.count))
        bytes += field
    }

    mutating func put(_ text: String) {
        put(Array(text.utf8))
    }

    mutating func put(_ address: Address) {
        let (kind, fields): (UInt8, [String]) =
            switch address {
            case .topic(let topic): (1, [topic.exchange, topic.name])
            case .server(let topic, let server): (2, [topic.exchange, topic.name, server])
            case .fanout(let topic): (3, [topic.exchange, topic.name])
            case .mailbox(let mailbox): (4, [mailbox.name])
            case .notifications(let topic): (5, [topic.exchange, topic.name])
            case .pool(let pool, let topic): (6, [topic.exchange, topic.name, pool])
            }
        put(kind: kind)
        for field in fields { put(field) }
    }

    mutating func put(_ settlement: Settlement) {
        switch settlement {
        case .accept: put(kind: 1)
        case .requeue: put(kind: 2)
        case .release: put(kind: 4)
        case .discard(let reason):
            put(kind: 3)
            put(reason)
        }
    }

    mutating func put(_ message: Message) {
        put(message.contentType)
        put(message.contentEncoding)
        put(UInt64(message.headers.count))
        for (name, value) in message.headers.sorted(by: { $0.key < $1.key }) {
            put(name)
            put(value)
        }
        // 0: for ever.
        put(message.timeToLive.map { max(1, $0.wholeMilliseconds) } ?? 0)
        put(message.body)
    }

    consuming func finish() -> [UInt8] {
        let length = UInt32(clamping: bytes.count - 4)
        for (index, shift) in [24, 16, 8, 0].enumerated() {
            bytes[index] = UInt8(truncatingIfNeeded: length >> UInt32(shift))
        }
        return bytes
    }
}

extension Duration {
    /// Rounded down, not below zero. Whole numbers throughout: a quotient of durations is a `Double`, which a long time
    /// does not fit.
    var wholeMilliseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (milliseconds, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1000)
        return overflow ? .max : milliseconds + UInt64(attoseconds / 1_000_000_000_000_000)
    }
}
