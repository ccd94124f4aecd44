/// The 128 bits of a UUID: one parser and one printer for cells' and instances' identifiers.
package struct UUIDBits: Hashable, Sendable {
    package var high: UInt64
    package var low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads 32 hexadecimal digits in either case, with dashes at the four usual places or with none at all.
    package init?(_ text: some StringProtocol) {
        if let bits = text.utf8.withContiguousStorageIfAvailable({ UUIDBits(utf8: $0) }) {
            guard let bits else { return nil }
            self = bits
        } else {
            var copy = String(text)
            guard let bits = copy.withUTF8({ UUIDBits(utf8: $0) }) else { return nil }
            self = bits
        }
    }

    /// By index: iterators of generic sequences cost several times as much, and each look-up parses three of them.
    private init?(utf8: UnsafeBufferPointer<UInt8>) {
        let isDashed: Bool
        switch utf8.count {
        case 36: isDashed = true
        case 32: isDashed = false
        default: return nil
        }
        var words: (UInt64, UInt64) = (0, 0)
        var digits = 0
        for position in 0..<utf8.count {
            let byte = utf8[position]
            if isDashed, position == 8 || position == 13 || position == 18 || position == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: return nil
            }
            if digits < 16 {
                words.0 = words.0 << 4 | UInt64(digit)
            } else {
                words.1 = words.1 << 4 | UInt64(digit)
            }
            digits += 1
        }
        self.init(high: words.0, low: words.1)
    }

    /// A random UUID of version 4.
    package static func random() -> UUIDBits {
        UUIDBits(
            high: UInt64.random(in: .min ... .max) & 0xFFFF_FFFF_FFFF_0FFF | 0x4000,
            low: UInt64.random(in: .min ... .max) & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000)
    }

    /// The canonical text: lower case, with dashes.
    package var text: String {
        String(unsafeUninitializedCapacity: 36) { buffer in
            var position = 0
            for digit in 0..<32 {
                if position == 8 || position == 13 || position == 18 || position == 23 {
                    buffer[position] = UInt8(ascii: "-")
                    position += 1
                }
                let word = digit < 16 ? high : low
                let nibble = UInt8(truncatingIfNeeded: word >> UInt64(60 - digit % 16 * 4)) & 0xF
                buffer[position] = nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
                position += 1
            }
            return 36
        }
    }
}
