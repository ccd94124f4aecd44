/// Reads the parts of a name from its bytes.
struct NameReader {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    var isAtEnd: Bool { position == bytes.count }

    /// Passes over a text, or stays where it is when another one is there.
    mutating func skip(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { expected in
            guard bytes.count - position >= expected.count else { return false }
            for (offset, byte) in expected.enumerated() where bytes[position + offset] != byte { return false }
            position += expected.count
            return true
        }
    }

    /// A number as we write it: lower-case digits, of which there are `width` where that is given, else no leading zeros.
    /// `nil` when there is none, or none that fits 64 bits.
    mutating func number(radix: UInt64, width: Int? = nil) -> UInt64? {
        var value: UInt64 = 0
        let start = position
        let end = width.map { min(bytes.count, start + $0) } ?? bytes.count
        while position < end, let digit = lowerCaseDigit(bytes[position]), digit < radix {
            let (product, overflow) = value.multipliedReportingOverflow(by: radix)
            let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
            if overflow || carry { return nil }
            value = sum
            position += 1
        }
        let count = position - start
        if let width { return count == width ? value : nil }
        return count == 0 || (count > 1 && bytes[start] == UInt8(ascii: "0")) ? nil : value
    }

    private func lowerCaseDigit(_ byte: UInt8) -> UInt8? {
        (UInt8(ascii: "A")...UInt8(ascii: "F")).contains(byte) ? nil : digitValue(byte)
    }
}

/// Writes ASCII into a buffer that is large enough: names and dates are made for every message.
struct TextWriter {
    private let buffer: UnsafeMutableBufferPointer<UInt8>
    private(set) var count = 0

    init(_ buffer: UnsafeMutableBufferPointer<UInt8>) {
        self.buffer = buffer
    }

    mutating func write(_ text: StaticString) {
        text.withUTF8Buffer { bytes in
            for byte in bytes { write(byte) }
        }
    }

    /// A number in lower-case digits, at least `width` of them.
    mutating func write(_ value: UInt64, radix: UInt64, width: Int = 1) {
        var digits = 1
        var rest = value / radix
        while rest > 0 {
            digits += 1
            rest /= radix
        }
        digits = max(digits, width)
        rest = value
        for index in stride(from: count + digits - 1, through: count, by: -1) {
            let digit = UInt8(rest % radix)
            buffer[index] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") - 10 + digit
            rest /= radix
        }
        count += digits
    }

    private mutating func write(_ byte: UInt8) {
        buffer[count] = byte
        count += 1
    }
}

extension [UInt8] {
    mutating func append(text: StaticString) {
        text.withUTF8Buffer { append(contentsOf: $0) }
    }

    /// Adds what `body` writes, which is short.
    mutating func append(_ body: (inout TextWriter) -> Void) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { buffer in
            var text = TextWriter(buffer)
            body(&text)
            append(contentsOf: buffer[..<text.count])
        }
    }
}
