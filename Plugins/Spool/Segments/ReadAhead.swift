/// A piece of a segment, read at once: small records are not read one by one.
///
/// What is committed does not change but for the records' states, which may be old here.
struct ReadAhead {
    private static let length = 64 * 1024

    private var bytes: [UInt8] = []
    private var start = 0

    /// The record at `offset`, whole. `nil` when there is none, or none with a right checksum.
    mutating func record(
        at offset: Int, end: Int, of segment: SegmentFile
    ) throws(FileError) -> (header: RecordHeader, payload: [UInt8])? {
        if let record = record(at: offset, end: end) { return record }
        bytes = try segment.file.read(min(Self.length, end - offset), at: offset)
        start = offset
        if let record = record(at: offset, end: end) { return record }
        // It is longer than this, or damaged.
        return try segment.record(at: offset, end: end)
    }

    /// Forgets what it read.
    mutating func clear() {
        bytes = []
    }

    private func record(at offset: Int, end: Int) -> (header: RecordHeader, payload: [UInt8])? {
        guard offset >= start, offset - start < bytes.count else { return nil }
        let rest = bytes[(offset - start)...]
        guard let header = RecordHeader(rest), header.recordLength <= end - offset, header.matches(rest) else {
            return nil
        }
        let payload = rest.startIndex + SegmentFormat.recordHeaderLength
        return (header, Array(rest[payload..<(payload + header.length)]))
    }
}
