/// A message's id as it is remembered: in 16 bytes, with no memory of its own.
///
/// Of an id as oslo.messaging makes them, 32 lower-case hexadecimal digits, their value; of any other text two hashes by
/// keys of this process, of which no two texts that one will ever meet have both in common.
struct IDFingerprint: Hashable, Sendable {
    private let high: UInt64
    private let low: UInt64

    init(_ id: String) {
        var id = id
        let value = id.withUTF8 { Self.value(of: $0) }
        (high, low) = value ?? Self.hashes(of: id)
    }

    private init(high: UInt64, low: UInt64) {
        (self.high, self.low) = (high, low)
    }

    init(_ id: WireID) {
        switch id {
        case .digits(let high, let low): self.init(high: high, low: low)
        case .other(let value): self.init(value.string ?? "\(value)")
        }
    }

    /// The number that 32 lower-case hexadecimal digits say; `nil` for any other text.
    static func value(of text: UnsafeBufferPointer<UInt8>) -> (UInt64, UInt64)? {
        guard text.count == 32 else { return nil }
        let bytes = UnsafeRawBufferPointer(text)
        func part(_ place: Int) -> UInt64? {
            value(of: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)))
        }
        guard let first = part(0), let second = part(8), let third = part(16), let fourth = part(24) else { return nil }
        return (first << 32 | second, third << 32 | fourth)
    }

    /// What eight digits say, one to a byte and the first the highest, in 32 bits; `nil` when they are no lower-case hexadecimal digits.
    private static func value(of digits: UInt64) -> UInt64? {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let values = (digits & (ones * 0x0F)) &+ ((digits >> 6) & ones) &* 9
        // Written again they have to be the same; six more make a sixteenth of those that are letters.
        let letters = ((values &+ ones &* 6) >> 4) & ones
        guard values & (ones &* 0xF0) == 0, values &+ ones &* 0x30 &+ letters &* 0x27 == digits else { return nil }
        var packed = (values | values >> 4) & 0x00FF_00FF_00FF_00FF
        packed = (packed | packed >> 8) & 0x0000_FFFF_0000_FFFF
        return (packed | packed >> 16) & 0xFFFF_FFFF
    }

    private static func hashes(of id: String) -> (UInt64, UInt64) {
        var first = Hasher()
        first.combine(id)
        var second = first
        second.combine(1)
        return (UInt64(bitPattern: Int64(first.finalize())), UInt64(bitPattern: Int64(second.finalize())))
    }
}
