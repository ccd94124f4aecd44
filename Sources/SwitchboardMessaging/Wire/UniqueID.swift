import SwitchboardCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Ids as oslo.messaging makes them: version-4 UUIDs.
enum UniqueID {
    /// 32 lower-case hexadecimal digits.
    static func make() -> String {
        text(dashed: false)
    }

    /// The same with dashes: 36 characters.
    static func makeUUID() -> String {
        text(dashed: true)
    }

    /// The system's random numbers, taken many at a time: each request has several ids, and each taking is a system call.
    private struct Pool {
        private var numbers = [UInt64](repeating: 0, count: 256)
        private var used = 256

        mutating func next() -> (UInt64, UInt64) {
            if used == numbers.count {
                numbers.withUnsafeMutableBytes { bytes in
                    // The system gives at most 256 bytes at a time.
                    for start in stride(from: 0, to: bytes.count, by: 256) {
                        let result = getentropy(bytes.baseAddress! + start, 256)
                        precondition(result == 0, "The system gave no random numbers: error \(errno).")
                    }
                }
                used = 0
            }
            defer { used += 2 }
            return (numbers[used], numbers[used + 1])
        }
    }

    private static let pool = Locked(Pool())

    private static func text(dashed: Bool) -> String {
        let (high, low) = number()
        return text(high, low, dashed: dashed)
    }

    /// The number that such an id is.
    static func number() -> (high: UInt64, low: UInt64) {
        let (random, more) = pool.withLock { $0.next() }
        return (random & 0xFFFF_FFFF_FFFF_0FFF | 0x4000, more & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000)
    }

    /// Writes the 32 digits of a number.
    @inline(__always)
    static func write(_ high: UInt64, _ low: UInt64, to text: UnsafeMutableRawPointer) {
        func put(_ half: UInt64, at place: Int) {
            text.storeBytes(of: hexadecimal(half).littleEndian, toByteOffset: place, as: UInt64.self)
        }
        put(high >> 32, at: 0)
        put(high, at: 8)
        put(low >> 32, at: 16)
        put(low, at: 24)
    }

    /// The text of a number.
    static func text(_ high: UInt64, _ low: UInt64, dashed: Bool = false) -> String {
        let digits = (hexadecimal(high >> 32), hexadecimal(high), hexadecimal(low >> 32), hexadecimal(low))
        return String(unsafeUninitializedCapacity: 36) { buffer in
            let text = UnsafeMutableRawBufferPointer(buffer)
            func put<Digits: FixedWidthInteger>(_ digits: Digits, at place: Int) {
                text.storeBytes(of: digits.littleEndian, toByteOffset: place, as: Digits.self)
            }
            put(digits.0, at: 0)
            guard dashed else {
                put(digits.1, at: 8)
                put(digits.2, at: 16)
                put(digits.3, at: 24)
                return 32
            }
            put(UInt32(truncatingIfNeeded: digits.1), at: 9)
            put(UInt32(truncatingIfNeeded: digits.1 >> 32), at: 14)
            put(UInt32(truncatingIfNeeded: digits.2), at: 19)
            put(UInt32(truncatingIfNeeded: digits.2 >> 32), at: 24)
            put(digits.3, at: 28)
            for place in stride(from: 8, through: 23, by: 5) { buffer[place] = UInt8(ascii: "-") }
            return 36
        }
    }

    /// The eight digits of the lower half of a number, the first one as the lowest byte. All at once, as a call has four
    /// ids.
    private static func hexadecimal(_ number: UInt64) -> UInt64 {
        // One digit to a byte.
        var digits = number & 0xFFFF | (number & 0xFFFF_0000) << 16
        digits = digits & 0x0000_00FF_0000_00FF | (digits << 8) & 0x00FF_0000_00FF_0000
        digits = digits & 0x000F_000F_000F_000F | (digits << 4) & 0x0F00_0F00_0F00_0F00
        // Six more make a sixteenth of those that become letters.
        let letters = ((digits + 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
        return (digits + 0x3030_3030_3030_3030 + letters * 0x27).byteSwapped
    }
}
