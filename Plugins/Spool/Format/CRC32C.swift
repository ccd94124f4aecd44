/// CRC-32C (Castagnoli, RFC 3720 appendix B.4), eight bytes at a time.
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
        var crc = state
        var position = 0
        Self.tables.withUnsafeBufferPointer { tables in
            while bytes.count - position >= 8 {
                let low = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self)) ^ crc
                let high = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position + 4, as: UInt32.self))
                crc =
                    tables[7 * 256 + Int(low & 0xFF)] ^ tables[6 * 256 + Int(low >> 8 & 0xFF)]
                    ^ tables[5 * 256 + Int(low >> 16 & 0xFF)] ^ tables[4 * 256 + Int(low >> 24)]
                crc ^=
                    tables[3 * 256 + Int(high & 0xFF)] ^ tables[2 * 256 + Int(high >> 8 & 0xFF)]
                    ^ tables[1 * 256 + Int(high >> 16 & 0xFF)] ^ tables[Int(high >> 24)]
                position += 8
            }
            while position < bytes.count {
                crc = tables[Int((crc ^ UInt32(bytes[position])) & 0xFF)] ^ crc >> 8
                position += 1
            }
        }
        state = crc
    }

    static let polynomial: UInt32 = 0x82F6_3B78

    /// `tables[256 * n + byte]`: the effect of a byte that is followed by `n` zero bytes.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
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
