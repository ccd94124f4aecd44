/// The bytes of a segment: a header of 64 bytes, then records, each on a multiple of 8. All numbers little-endian.
///
/// Header: `SWBSEG01`, then how far records are committed (8 bytes), then 1 when nothing is added any more (8 bytes).
///
/// Record: magic (4), CRC-32C of bytes 8 to 39 and the payload (4), length of the payload (4), writer's tag (4),
/// identifier (8), expiry in milliseconds or 0 (8), zero (8), state (4), zero (4), payload (a ``MessageFile``), padding.
/// The state alone changes: the number of attempts, the highest bit when the message is done with, and the next one when it
/// has come back unhandled.
package enum SegmentFormat {
    static let magic = Array("SWBSEG01".utf8)
    static let headerLength = 64
    static let committedOffset = 8
    static let sealedOffset = 16

    static let recordMagic: UInt32 = 0x3143_4552
    /// Stands where damaged bytes were, which lie in `dead` now.
    static let skipMagic: UInt32 = 0x5049_4B53
    static let recordHeaderLength = 48
    static let stateOffset = 40
    static let done: UInt32 = 1 << 31
    static let released: UInt32 = 1 << 30

    /// The number of attempts in a record's state.
    static func attempts(_ state: UInt32) -> Int { Int(state & ~(done | released)) }

    static func recordLength(payload: Int) -> Int {
        recordHeaderLength + (payload + 7) / 8 * 8
    }

    static func record(_ payload: [UInt8], _ name: MessageName) -> [UInt8] {
        var bytes = header(recordMagic, length: payload.count, name, payload)
        bytes.reserveCapacity(recordLength(payload: payload.count))
        bytes += payload
        bytes += [UInt8](repeating: 0, count: recordLength(payload: payload.count) - bytes.count)
        return bytes
    }

    /// The header of a stretch that readers pass over.
    static func skip(length: Int) -> [UInt8] {
        header(skipMagic, length: length, MessageName(identifier: 0, tag: 0, size: length), [])
    }

    private static func header(
        _ magic: UInt32, length: Int, _ name: MessageName, _ payload: [UInt8]
    ) -> [UInt8] {
        var covered: [UInt8] = []
        covered.append(littleEndian: UInt32(length))
        covered.append(littleEndian: name.tag)
        covered.append(littleEndian: name.identifier)
        covered.append(littleEndian: name.expires ?? 0)
        covered.append(littleEndian: UInt64(0))
        var crc = CRC32C()
        crc.update(covered)
        crc.update(payload)
        var bytes: [UInt8] = []
        bytes.append(littleEndian: magic)
        bytes.append(littleEndian: crc.value)
        bytes += covered
        bytes.append(littleEndian: UInt32(name.attempt))
        bytes.append(littleEndian: UInt32(0))
        return bytes
    }
}

/// What the first 48 bytes of a record say.
struct RecordHeader {
    var magic: UInt32
    var crc: UInt32
    var length: Int
    var name: MessageName
    var state: UInt32

    var isDone: Bool { state & SegmentFormat.done != 0 }
    var recordLength: Int { SegmentFormat.recordLength(payload: length) }

    /// `nil` when the bytes cannot begin a record.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count >= SegmentFormat.recordHeaderLength else { return nil }
        magic = bytes.littleEndian(at: 0)
        guard magic == SegmentFormat.recordMagic || magic == SegmentFormat.skipMagic else { return nil }
        crc = bytes.littleEndian(at: 4)
        length = Int(bytes.littleEndian(at: 8) as UInt32)
        state = bytes.littleEndian(at: SegmentFormat.stateOffset)
        let expires: UInt64 = bytes.littleEndian(at: 24)
        name = MessageName(
            identifier: bytes.littleEndian(at: 16), tag: bytes.littleEndian(at: 12), size: length,
            attempt: SegmentFormat.attempts(state), wasReleased: state & SegmentFormat.released != 0,
            expires: expires == 0 ? nil : expires)
    }

    /// Whether the checksum of the record that `bytes` begin with is right. Damaged bytes that were skipped have none.
    func matches(_ bytes: ArraySlice<UInt8>) -> Bool {
        let start = bytes.startIndex
        guard bytes.count >= SegmentFormat.recordHeaderLength + length else { return false }
        var crc = CRC32C()
        crc.update(bytes[(start + 8)..<(start + SegmentFormat.stateOffset)])
        if magic == SegmentFormat.recordMagic {
            let payload = start + SegmentFormat.recordHeaderLength
            crc.update(bytes[payload..<(payload + length)])
        }
        return crc.value == self.crc
    }
}

extension [UInt8] {
    mutating func append(littleEndian value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }
}

extension ArraySlice<UInt8> {
    /// The number at an offset from the slice's start; the caller has checked the length.
    func littleEndian<Value: FixedWidthInteger>(at offset: Int) -> Value {
        var value: Value = 0
        for index in stride(from: MemoryLayout<Value>.size - 1, through: 0, by: -1) {
            value = value << 8 | Value(self[startIndex + offset + index])
        }
        return value
    }
}
