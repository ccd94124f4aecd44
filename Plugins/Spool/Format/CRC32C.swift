/// CRC-32C (Castagnoli, RFC 3720 appendix B.4), 16 bytes at a time.
package struct CRC32C: Sendable {
    private var state: UInt32 = ~0

    package init() {}

    package var value: UInt32 { ~state }

    package static func of(_ bytes: some Collection<UInt8>) -> UInt32 {
        var crc = CRC32C()
        crc.update(bytes)
        return crc.value
    }

    /// Goes on with bytes whose own checksum is known, without looking at them again.
    package mutating func append(_ checksum: UInt32, _ length: CRC32CLength) {
        state = ~(length.shifted(~state) ^ checksum)
    }

    package mutating func update(_ bytes: some Collection<UInt8>) {
        if bytes.withContiguousStorageIfAvailable({ update(UnsafeRawBufferPointer($0)) }) == nil {
            Array(bytes).withUnsafeBytes { update($0) }
        }
    }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard var position = bytes.baseAddress else { return }
        let end = position + bytes.count
        var crc = state
        Self.tables.withUnsafeBufferPointer { buffer in
            guard let tables = buffer.baseAddress else { return }
            while end - position >= 16 {
                let first = UInt64(littleEndian: position.loadUnaligned(as: UInt64.self)) ^ UInt64(crc)
                let second = UInt64(littleEndian: position.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
                crc = Self.look(first, in: tables + 8 * 256) ^ Self.look(second, in: tables)
                position += 16
            }
            while position < end {
                crc = tables[Int((crc ^ UInt32(position.load(as: UInt8.self))) & 0xFF)] ^ crc >> 8
                position += 1
            }
        }
        state = crc
    }

    /// What eight bytes come to that are followed by as many as the first of the tables says.
    @inline(__always)
    private static func look(_ word: UInt64, in tables: UnsafePointer<UInt32>) -> UInt32 {
        let low =
            tables[7 * 256 + Int(word & 0xFF)] ^ tables[6 * 256 + Int(word >> 8 & 0xFF)]
            ^ tables[5 * 256 + Int(word >> 16 & 0xFF)] ^ tables[4 * 256 + Int(word >> 24 & 0xFF)]
        let high =
            tables[3 * 256 + Int(word >> 32 & 0xFF)] ^ tables[2 * 256 + Int(word >> 40 & 0xFF)]
            ^ tables[256 + Int(word >> 48 & 0xFF)] ^ tables[Int(word >> 56)]
        return low ^ high
    }

    static let polynomial: UInt32 = 0x82F6_3B78

    /// `tables[256 * n + byte]`: the effect of a byte that is followed by `n` zero bytes.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 16 * 256)
        for byte in 0..<256 {
            var crc = UInt32(byte)
            for _ in 0..<8 {
                crc = crc & 1 == 1 ? crc >> 1 ^ polynomial : crc >> 1
            }
            tables[byte] = crc
        }
        for index in 256..<tables.count {
            let previous = tables[index - 256]
            tables[index] = tables[Int(previous & 0xFF)] ^ previous >> 8
        }
        return tables
    }()
}
