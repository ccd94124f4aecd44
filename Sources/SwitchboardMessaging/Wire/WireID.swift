/// An id that a message carries. Nearly all are 32 lower-case hexadecimal digits, which are kept as the number that they are,
/// with no memory of their own.
enum WireID: Sendable, Hashable {
    case digits(high: UInt64, low: UInt64)
    /// Anything else, as it came. Made by ``init(_:)-(JSONValue)``, so that one id has one form.
    case other(JSONValue)

    init(_ value: JSONValue) {
        if case .string(let text) = value { self.init(text) } else { self = .other(value) }
    }

    init(_ text: String) {
        var text = text
        let digits = text.withUTF8 { Self(digits: $0) }
        self = digits ?? .other(.string(text))
    }

    /// `nil` when a text is anything but 32 lower-case hexadecimal digits.
    init?(digits text: UnsafeBufferPointer<UInt8>) {
        guard let (high, low) = IDFingerprint.value(of: text) else { return nil }
        self = .digits(high: high, low: low)
    }

    /// One as oslo.messaging makes them.
    static func random() -> WireID {
        let (high, low) = UniqueID.number()
        return .digits(high: high, low: low)
    }

    /// `nil` when it is not a text.
    var text: String? {
        switch self {
        case .digits(let high, let low): UniqueID.text(high, low)
        case .other(let value): value.string
        }
    }

    var value: JSONValue {
        switch self {
        case .digits(let high, let low): .string(UniqueID.text(high, low))
        case .other(let value): value
        }
    }

    var isText: Bool {
        if case .other(let value) = self { value.string != nil } else { true }
    }

    /// Whether it is `null` or an empty text, which oslo.messaging takes for none.
    var isNone: Bool {
        if case .other(let value) = self { value == .null || value == .string("") } else { false }
    }
}

extension WireID: ExpressibleByStringLiteral {
    init(stringLiteral text: String) {
        self.init(text)
    }
}

extension JSONReader {
    /// Reads any value as an id.
    mutating func id() throws(JSONError) -> WireID {
        skipBlanks()
        let (start, length) = (position + quoteLength, 32)
        if count - start > length, isQuote(at: position), isQuote(at: start + length),
            let digits = WireID(digits: UnsafeBufferPointer(start: input + start, count: length))
        {
            position = start + length + quoteLength
            return digits
        }
        return WireID(try value())
    }
}
