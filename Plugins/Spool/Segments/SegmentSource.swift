/// A record that was passed: another consumer has it, or it came back.
struct PassedRecord {
    let name: MessageName
    let position: RecordPosition
}

/// Records of one segment are taken in the order in which they lie.
final class SegmentSource {
    var segment: SegmentFile
    var cursor = SegmentFormat.headerLength
    var isDirty = false
    var readAhead = ReadAhead()
    var head: (offset: Int, header: RecordHeader, payload: [UInt8])?
    /// What was passed and is not known to be done: held by us, by others, or come back.
    var open: Set<Int> = []
    /// Whether it could not be read, and waits for the next look at everything.
    var isSuspended = false
    /// Whether bytes that are no record are in it alone: it must stay.
    var hasUnburied = false

    let records: FinishedRecords

    init(_ segment: SegmentFile) {
        self.segment = segment
        records = FinishedRecords(segment)
    }

    var isAtEnd: Bool { head == nil && cursor >= segment.committed }
}
