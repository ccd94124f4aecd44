/// A record of a segment in the making: the message lies where the record has it from the beginning, so that it is written
/// and summed up once.
struct SegmentRecord: Sendable {
    private var bytes: [UInt8] = []
    private let payloadChecksum: UInt32

    init(_ file: MessageFile) {
        bytes.reserveCapacity(SegmentFormat.recordLength(payload: file.roughSize))
        bytes.append(contentsOf: repeatElement(0, count: SegmentFormat.recordHeaderLength))
        payloadChecksum = file.append(to: &bytes)
    }

    /// How many bytes the message has.
    var payloadCount: Int { bytes.count - SegmentFormat.recordHeaderLength }

    /// The whole record, of a message of that name.
    consuming func finished(_ name: MessageName) -> [UInt8] {
        SegmentFormat.finish(&bytes, name, payloadChecksum: payloadChecksum)
        return bytes
    }
}
