internal import Glibc

/// A segment, opened for reading and for changing the state of records.
struct SegmentFile {
    let name: String
    let file: OpenFile
    private(set) var committed = 0
    private(set) var isSealed = false
    /// Whether the header is as it was written; without that it can be read all the same.
    private(set) var isHeaderSound = true
    /// Whether nothing in the header can be believed: the records say how far the segment goes.
    private(set) var isHeaderLost = false
    /// Whether the records' states have no complement.
    private(set) var isOld = false

    /// The name of the segment that begins with this message.
    static func name(_ first: MessageName, owner: String) -> String {
        "\(hexadecimal(first.identifier, 16))-\(owner).seg"
    }

    static func isSegment(_ name: String) -> Bool {
        name.hasSuffix(".seg") && name.utf8.count > 22
    }

    /// Who writes the segment of that name.
    static func owner(of name: String) -> String {
        String(name.dropFirst(17).dropLast(4))
    }

    /// The order of segments, and a lower bound of what is in one.
    static func start(of name: String) -> UInt64 {
        UInt64(name.prefix(16), radix: 16) ?? 0
    }

    /// Whether it is the segment's fault that it could not be opened: it is none, a link, a directory.
    static func isUnusable(_ error: FileError) -> Bool {
        [EPROTO, ELOOP, EISDIR, ENXIO, EACCES, EPERM].contains(error.number)
    }

    /// - Parameter changing: whether states are to be changed, which needs more than a reader may have.
    init(_ name: String, in directory: Directory, changing: Bool = true) throws(FileError) {
        self.name = name
        file = try directory.file(name, flags: changing ? O_RDWR : O_RDONLY)
        do throws(FileError) {
            try refresh()
        } catch {
            file.closeQuietly()
            throw error
        }
    }

    /// Reads how far the segment goes. EPROTO when it is none.
    mutating func refresh() throws(FileError) {
        let status = try file.status()
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw FileError("read \(file.path), which is no regular file", EPROTO)
        }
        let bytes = try file.read(SegmentFormat.headerLength, at: 0)
        let size = max(0, Int(status.st_size))
        guard bytes.count == SegmentFormat.headerLength else {
            throw FileError("read \(file.path), which is too short for a segment", EPROTO)
        }
        guard let header = SegmentHeader(decoding: bytes[...]) else { return try refreshWithoutHeader(size) }
        isHeaderLost = false
        isHeaderSound = header.isSound
        isOld = !header.isChecked
        isSealed = header.isSealed
        // Nothing vouches for the number in an old header; a closed segment goes to its end.
        committed = isOld && isSealed ? size : Int(clamping: min(header.committed, UInt64(size)))
    }

    private mutating func refreshWithoutHeader(_ size: Int) throws(FileError) {
        // No segment is as long, and to look through more takes long.
        guard size <= 1 << 33 else { throw FileError("read \(file.path), which has no header of a segment", EPROTO) }
        var last: (end: Int, magic: UInt32)?
        try walk(to: size).forEachPiece(from: SegmentFormat.headerLength) { (range, piece) throws(FileError) in
            if case .record(let header, _) = piece { last = (range.upperBound, header.magic) }
        }
        guard let last else { throw FileError("read \(file.path), which has neither header nor records", EPROTO) }
        isHeaderLost = true
        isHeaderSound = false
        isOld = last.magic == SegmentFormat.oldRecordMagic
        isSealed = false
        // What comes after the last record that is whole may be in the middle of being written.
        committed = last.end
    }

    func walk(to end: Int) -> SegmentWalk<OpenFile> {
        SegmentWalk(bytes: file, end: end)
    }

    /// The state of a record; `nil` when it is damaged.
    func state(at offset: Int) throws(FileError) -> UInt32? {
        let bytes = try file.read(8, at: offset + SegmentFormat.stateOffset)[...]
        guard bytes.count == 8 else { throw FileError("read a record of \(file.path)", EIO) }
        return RecordHeader.state(bytes, isChecked: !isOld)
    }

    func setState(_ state: UInt32, at offset: Int) throws(FileError) {
        let bytes = SegmentFormat.state(state)
        try file.write(isOld ? Array(bytes.prefix(4)) : bytes, at: offset + SegmentFormat.stateOffset)
    }

    /// Marks a record that is locked by us as done with.
    func finish(_ offset: Int, attempts: Int) throws(FileError) {
        try setState(
            UInt32(clamping: SegmentFormat.attempts(UInt32(clamping: attempts))) | SegmentFormat.done, at: offset)
    }

    /// Takes the record for this open file alone. `false` when another has it. The lock goes with the process.
    func lock(_ offset: Int) throws(FileError) -> Bool {
        let result = file.operations.lockByte(file.descriptor, at: offset, locked: true)
        if result >= 0 { return true }
        let error = FileError("lock a record of \(file.path)", -result)
        if error.isHeldElsewhere { return false }
        throw error
    }

    /// Whether another open file has the record.
    func isLocked(_ offset: Int) throws(FileError) -> Bool {
        try file.operations.testByte(file.descriptor, at: offset).checked("look at a lock of \(file.path)") != 0
    }

    func unlock(_ offset: Int) {
        _ = file.operations.lockByte(file.descriptor, at: offset, locked: false)
    }

    /// The record at `offset`, whole. `nil` when there is none, or none with a right checksum.
    func record(at offset: Int, end: Int) throws(FileError) -> (header: RecordHeader, payload: [UInt8])? {
        try walk(to: end).record(at: offset)
    }

    /// Moves bytes that are no record to `dead`, and puts a mark in their place.
    func buryDamage(_ range: Range<Int>, of queue: Queue, in store: SpoolStore) throws(FileError) {
        let offset = range.lowerBound
        guard try lock(offset) else { return }
        defer { unlock(offset) }
        // Whoever had the lock may have done it.
        if try record(at: offset, end: committed) != nil { return }
        let bytes = try file.read(range.count, at: offset)
        let hasRoomForMark = range.count >= SegmentFormat.recordHeaderLength
        // The mark of a stretch that is too short for another one; no message is as short.
        if !hasRoomForMark, bytes.allSatisfy({ $0 == 0 }) { return }
        try store.bury(
            bytes, as: "\(name)-\(offset).bad", queue: queue.name,
            reason: "The \(range.count) bytes of the segment \(name) at \(offset) are no record: damaged, or cut short."
        )
        queue.counters.subtract(.messages, 1)
        let mark =
            hasRoomForMark
            ? SegmentFormat.skip(length: range.count - SegmentFormat.recordHeaderLength)
            : [UInt8](repeating: 0, count: bytes.count)
        try file.write(mark, at: offset)
    }

    /// Takes over a segment whose writer is dead: what was written whole after the last commit counts, the torn rest
    /// is cut, and the segment is closed.
    static func recover(_ name: String, in directory: Directory, durable: Bool) throws(FileError) {
        var segment = try SegmentFile(name, in: directory)
        defer { segment.file.closeQuietly() }
        if segment.isSealed { return try segment.repairHeader() }
        let size = max(0, Int(try segment.file.status().st_size))
        let start = SegmentFormat.headerLength
        var end = max(segment.committed, start)
        // A number that nothing vouches for may be damaged: the records say better.
        let from = segment.isOld || segment.isHeaderLost ? start : end
        try segment.walk(to: size).forEachPiece(from: from) { (range, piece) throws(FileError) in
            if case .record = piece { end = max(end, range.upperBound) }
        }
        // Without the header nobody knows whether the rest was accepted: whoever reads it has it put into `dead`.
        if segment.isHeaderLost { end = size }
        if end < size {
            try segment.file.operations.truncate(segment.file.descriptor, to: end)
                .checked("truncate \(segment.file.path)")
        }
        if durable { try segment.file.synchronize(dataOnly: true) }
        try segment.writeHeader(committed: end, isSealed: true)
        try segment.refresh()
    }

    /// Writes the header of a closed segment anew where a part of it is damaged.
    func repairHeader() throws(FileError) {
        if isSealed, !isHeaderSound { try writeHeader(committed: committed, isSealed: true) }
    }

    private func writeHeader(committed: Int, isSealed: Bool) throws(FileError) {
        let header = SegmentHeader(committed: committed, isSealed: isSealed)
        try file.write(isOld ? header.encodedAsOld : header.encoded, at: 0)
    }
}
