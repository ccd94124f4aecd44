/// So many bytes that are appended to others, for checksums of both: what that many zero bytes do to a checksum, which is a
/// product of polynomials modulo that of CRC-32C.
package struct CRC32CLength: Sendable {
    private let power: UInt32

    package init(_ count: Int) {
        power = Self.powers.withUnsafeBufferPointer { powers in
            var power: UInt32?
            var rest = UInt(count)
            var start = 0
            while rest > 0 {
                let digit = Int(rest & 15)
                if digit > 0 {
                    let factor = powers[start + digit]
                    power = power.map { Self.product($0, factor) } ?? factor
                }
                rest >>= 4
                start += 16
            }
            return power ?? Self.one
        }
    }

    func shifted(_ checksum: UInt32) -> UInt32 {
        checksum == 0 ? 0 : Self.product(power, checksum)
    }

    /// Polynomials have the checksum's order of bits: the highest one stands for 1.
    private static let one = UInt32(1) << 31

    private static func product(_ left: UInt32, _ right: UInt32) -> UInt32 {
        var (left, right, result) = (left, right, UInt32(0))
        while left != 0 {
            result ^= right & UInt32(bitPattern: Int32(bitPattern: left) >> 31)
            right = right >> 1 ^ CRC32C.polynomial & (0 &- (right & 1))
            left <<= 1
        }
        return result
    }

    /// `powers[16 * n + digit]`: the effect of `digit << 4 * n` zero bytes.
    private static let powers: [UInt32] = {
        // One zero bit, then two, four and eight.
        var power = one >> 1
        for _ in 0..<3 { power = product(power, power) }
        var powers: [UInt32] = []
        for _ in 0..<(UInt.bitWidth / 4) {
            var factor = one
            for _ in 0..<16 {
                powers.append(factor)
                factor = product(factor, power)
            }
            power = factor
        }
        return powers
    }()
}
