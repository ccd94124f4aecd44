/// The first 64 bytes of a segment: how far its records are committed, and whether it is closed.
///
/// `SWBSEG02`, then twice the same 24 bytes: how far (8), 1 when nothing is added any more (8), CRC-32C of both numbers (4),
/// zero (4); then zero (8). Both copies are written by one call, so whatever is torn or damaged leaves one that is right.
/// Version 1, `SWBSEG01`, has the first two numbers once and no checksum.
struct SegmentHeader: Equatable {
    static let copiesOffset = 8
    private static let copyLength = 24
    private static let magic = Array("SWBSEG02".utf8)
    private static let oldMagic = Array("SWBSEG01".utf8)

    /// How far records are committed, from the start of the file.
    var committed: UInt64
    var isSealed: Bool
    /// Whether checksums vouch for both.
    var isChecked = true
    /// Whether all of it is as it was written.
    var isSound = true

    init(committed: Int, isSealed: Bool) {
        self.committed = UInt64(clamping: committed)
        self.isSealed = isSealed
    }

    /// The header that bytes hold. `nil` when nothing in them can be believed.
    init?(decoding bytes: ArraySlice<UInt8>) {
        guard bytes.count >= SegmentFormat.headerLength else { return nil }
        let copies = [0, 1].map { Self.copy(of: bytes, at: Self.copiesOffset + $0 * Self.copyLength) }
        let isNew = bytes.starts(with: Self.magic)
        // A reader may see the first copy already and the second not yet.
        if let best = copies.compactMap(\.self).max(by: { $0.committed < $1.committed }) {
            self = best
            isSealed = copies.contains { $0?.isSealed == true }
            isSound = isNew && copies.allSatisfy { $0 == best }
            return
        }
        guard bytes.starts(with: Self.oldMagic) else { return nil }
        let sealed: UInt64 = bytes.littleEndian(at: 16)
        committed = bytes.littleEndian(at: 8)
        isSealed = sealed == 1
        isChecked = false
        let start = UInt64(SegmentFormat.headerLength)
        guard sealed <= 1, committed >= start, committed.isMultiple(of: 8) else { return nil }
    }

    private static func copy(of bytes: ArraySlice<UInt8>, at offset: Int) -> SegmentHeader? {
        let start = bytes.startIndex + offset
        let crc: UInt32 = bytes.littleEndian(at: offset + 16)
        guard crc == CRC32C.of(bytes[start..<(start + 16)]) else { return nil }
        let (committed, sealed): (UInt64, UInt64) = (
            bytes.littleEndian(at: offset), bytes.littleEndian(at: offset + 8)
        )
        var header = SegmentHeader(committed: 0, isSealed: sealed != 0)
        header.committed = committed
        return header
    }

    /// What stands at ``copiesOffset``.
    var copies: [UInt8] {
        var copy: [UInt8] = []
        copy.reserveCapacity(2 * Self.copyLength)
        copy.append(littleEndian: committed)
        copy.append(littleEndian: UInt64(isSealed ? 1 : 0))
        copy.append(littleEndian: CRC32C.of(copy))
        copy.append(littleEndian: UInt32(0))
        return copy + copy
    }

    /// The whole of a header of version 1.
    var encodedAsOld: [UInt8] {
        var bytes = Self.oldMagic
        bytes.append(littleEndian: committed)
        bytes.append(littleEndian: UInt64(isSealed ? 1 : 0))
        bytes += [UInt8](repeating: 0, count: SegmentFormat.headerLength - bytes.count)
        return bytes
    }

    /// The whole of it.
    var encoded: [UInt8] {
        var bytes = Self.magic + copies
        bytes += [UInt8](repeating: 0, count: SegmentFormat.headerLength - bytes.count)
        return bytes
    }
}
