/// What the first 48 bytes of a record say.
struct RecordHeader {
    var magic: UInt32
    var crc: UInt32
    var length: Int
    var name: MessageName
    /// `nil` when it is damaged: nobody knows whether the message was done with.
    var state: UInt32?
    /// Whether the header's own checksum is right, so that its length can be believed whatever became of the payload.
    var isSound: Bool

    var isMessage: Bool { magic != SegmentFormat.skipMagic }
    var isDone: Bool { state.map { $0 & SegmentFormat.done != 0 } ?? false }
    var recordLength: Int { SegmentFormat.recordLength(payload: length) }

    /// `nil` when the bytes cannot begin a record.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count >= SegmentFormat.recordHeaderLength else { return nil }
        magic = bytes.littleEndian(at: 0)
        let isNew = magic == SegmentFormat.recordMagic
        guard isNew || magic == SegmentFormat.oldRecordMagic || magic == SegmentFormat.skipMagic else { return nil }
        crc = bytes.littleEndian(at: 4)
        length = Self.length(bytes)
        state = Self.state(bytes[(bytes.startIndex + SegmentFormat.stateOffset)...], isChecked: isNew)
        let start = bytes.startIndex
        isSound =
            magic != SegmentFormat.oldRecordMagic
            && bytes.littleEndian(at: SegmentFormat.headerChecksumOffset)
                == SegmentFormat.headerChecksum(
                    magic, bytes[(start + 8)..<(start + SegmentFormat.headerChecksumOffset)])
        let expires: UInt64 = bytes.littleEndian(at: 24)
        name = MessageName(
            identifier: bytes.littleEndian(at: 16), tag: bytes.littleEndian(at: 12), size: length,
            attempt: SegmentFormat.attempts(state ?? 0), wasReleased: (state ?? 0) & SegmentFormat.released != 0,
            expires: expires == 0 ? nil : expires)
    }

    /// What the length of a record says, also of one whose header is damaged elsewhere.
    static func length(_ bytes: ArraySlice<UInt8>) -> Int {
        Int(bytes.littleEndian(at: 8) as UInt32)
    }

    /// The state that eight bytes hold; `nil` when they are checked and damaged.
    static func state(_ bytes: ArraySlice<UInt8>, isChecked: Bool) -> UInt32? {
        let state: UInt32 = bytes.littleEndian(at: 0)
        let complement: UInt32 = bytes.littleEndian(at: 4)
        return isChecked && complement != ~state ? nil : state
    }

    /// Whether the checksum of the record that `bytes` begin with is right. Damaged bytes that were skipped have none.
    func matches(_ bytes: ArraySlice<UInt8>) -> Bool {
        let start = bytes.startIndex
        guard bytes.count >= SegmentFormat.recordHeaderLength + length else { return false }
        // A header of the new kind that is damaged is so also where the other checksum does not look: in the magic.
        if magic == SegmentFormat.recordMagic, !isSound { return false }
        var crc = CRC32C()
        crc.update(bytes[(start + 8)..<(start + SegmentFormat.stateOffset)])
        if isMessage {
            let payload = start + SegmentFormat.recordHeaderLength
            crc.update(bytes[payload..<(payload + length)])
        }
        return crc.value == self.crc
    }
}
