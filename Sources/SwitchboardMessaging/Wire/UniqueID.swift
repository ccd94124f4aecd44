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
        let (random, more) = pool.withLock { $0.next() }
        let high = random & 0xFFFF_FFFF_FFFF_0FFF | 0x4000
        let low = more & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        return String(unsafeUninitializedCapacity: 36) { buffer in
            var count = 0
            for index in 0..<32 {
                if dashed, index == 8 || index == 12 || index == 16 || index == 20 {
                    buffer[count] = UInt8(ascii: "-")
                    count += 1
                }
                let half = index < 16 ? high : low
                let digit = UInt8(truncatingIfNeeded: half >> UInt64(60 - index % 16 * 4)) & 0xF
                buffer[count] = digit < 10 ? 0x30 + digit : 0x57 + digit
                count += 1
            }
            return count
        }
    }
}
