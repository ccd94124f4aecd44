/// The bytes of a segment: a header of 64 bytes, then records, each on a multiple of 8. All numbers little-endian.
///
/// Header: ``SegmentHeader``. Record: magic (4), CRC-32C of bytes 8 to 39 and the payload (4), length of the payload (4),
/// writer's tag (4), identifier (8), expiry in milliseconds or 0 (8), CRC-32C of the magic and bytes 8 to 31 (4), zero (4),
/// state (4), the state's complement (4), payload (a ``MessageFile``), padding. The state alone changes: the number of
/// attempts, the highest bit when the message is done with, and the next one when it has come back unhandled.
///
/// Version 1 has neither checksum in its header, nor that of a record's header, nor the complement.
package enum SegmentFormat {
    static let headerLength = 64

    static let recordMagic = word("REC2")
    static let oldRecordMagic = word("REC1")
    /// Stands where damaged bytes were, which lie in `dead` now.
    static let skipMagic = word("SKIP")
    static let recordHeaderLength = 48
    static let headerChecksumOffset = 32
    static let stateOffset = 40
    static let done: UInt32 = 1 << 31
    static let released: UInt32 = 1 << 30

    /// The number of attempts in a record's state.
    static func attempts(_ state: UInt32) -> Int { Int(state & ~(done | released)) }

    private static func word(_ text: StaticString) -> UInt32 {
        text.withUTF8Buffer { bytes in
            bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
        }
    }

    static func recordLength(payload: Int) -> Int {
        recordHeaderLength + (payload + 7) / 8 * 8
    }

    static func record(_ payload: [UInt8], _ name: MessageName) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(recordLength(payload: payload.count))
        bytes.append(contentsOf: repeatElement(0, count: recordHeaderLength))
        bytes += payload
        finish(&bytes, name, payloadChecksum: CRC32C.of(payload))
        return bytes
    }

    /// Makes a record of bytes that hold the payload behind the room for a header.
    static func finish(_ bytes: inout [UInt8], _ name: MessageName, payloadChecksum: UInt32) {
        let payload = (checksum: payloadChecksum, count: bytes.count - recordHeaderLength)
        bytes.append(contentsOf: repeatElement(0, count: recordLength(payload: payload.count) - bytes.count))
        bytes.withUnsafeMutableBytes { bytes in
            writeHeader(recordMagic, length: payload.count, name, payload: payload, to: bytes)
        }
    }

    /// The header of a stretch that readers pass over.
    static func skip(length: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: recordHeaderLength)
        let name = MessageName(identifier: 0, tag: 0, size: length)
        bytes.withUnsafeMutableBytes { bytes in
            writeHeader(skipMagic, length: length, name, payload: (checksum: 0, count: 0), to: bytes)
        }
        return bytes
    }

    /// The eight bytes of a record's state.
    static func state(_ state: UInt32) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: state)
        bytes.append(littleEndian: ~state)
        return bytes
    }

    private static func writeHeader(
        _ magic: UInt32, length: Int, _ name: MessageName, payload: (checksum: UInt32, count: Int),
        to bytes: UnsafeMutableRawBufferPointer
    ) {
        func store<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
            bytes.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
        }
        func covered(to end: Int) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[8..<end]) }
        store(magic, at: 0)
        store(UInt32(clamping: length), at: 8)
        store(name.tag, at: 12)
        store(name.identifier, at: 16)
        store(name.expires ?? 0, at: 24)
        store(headerChecksum(magic, covered(to: headerChecksumOffset)), at: headerChecksumOffset)
        store(UInt32(0), at: headerChecksumOffset + 4)
        var crc = CRC32C()
        crc.update(covered(to: stateOffset))
        crc.append(payload.checksum, CRC32CLength(payload.count))
        store(crc.value, at: 4)
        let state = UInt32(clamping: name.attempt)
        store(state, at: stateOffset)
        store(~state, at: stateOffset + 4)
    }

    /// Of a record's magic and bytes 8 to 31.
    static func headerChecksum(_ magic: UInt32, _ covered: some Collection<UInt8>) -> UInt32 {
        var crc = CRC32C()
        withUnsafeBytes(of: magic.littleEndian) { crc.update($0) }
        crc.update(covered)
        return crc.value
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
