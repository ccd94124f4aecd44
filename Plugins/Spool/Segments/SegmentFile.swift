internal import Glibc

/// A segment, opened for reading and for changing the state of records.
struct SegmentFile {
    let name: String
    let file: OpenFile
    private(set) var committed = 0
    private(set) var isSealed = false

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
        [EPROTO, ELOOP, EISDIR, ENXIO, EACCES].contains(error.number)
    }

    init(_ name: String, in directory: Directory) throws(FileError) {
        self.name = name
        file = try directory.file(name, flags: O_RDWR)
        do throws(FileError) {
            try refresh()
        } catch {
            file.closeQuietly()
            throw error
        }
    }

    /// Reads how far the segment goes. EPROTO when it is none.
    mutating func refresh() throws(FileError) {
        let header = try file.read(24, at: 0)[...]
        guard header.count == 24, header.starts(with: SegmentFormat.magic) else {
            throw FileError("read \(file.path), which has no header of a segment", EPROTO)
        }
        let claimed: UInt64 = header.littleEndian(at: SegmentFormat.committedOffset)
        let size = try file.status().st_size
        committed = Int(clamping: min(claimed, UInt64(size)))
        isSealed = (header.littleEndian(at: SegmentFormat.sealedOffset) as UInt64) != 0
    }

    func state(at offset: Int) throws(FileError) -> UInt32 {
        let bytes = try file.read(4, at: offset + SegmentFormat.stateOffset)[...]
        guard bytes.count == 4 else { throw FileError("read a record of \(file.path)", EIO) }
        return bytes.littleEndian(at: 0)
    }

    func setState(_ state: UInt32, at offset: Int) throws(FileError) {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: state)
        try file.write(bytes, at: offset + SegmentFormat.stateOffset)
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
        let head = try file.read(SegmentFormat.recordHeaderLength, at: offset)
        guard let header = RecordHeader(head[...]), offset + header.recordLength <= end else { return nil }
        let bytes = try file.read(SegmentFormat.recordHeaderLength + header.length, at: offset)
        guard header.matches(bytes[...]) else { return nil }
        return (header, Array(bytes[SegmentFormat.recordHeaderLength...]))
    }

    /// Where the next record with a right checksum begins: at `offset` or after it, or `end`.
    func nextRecord(from offset: Int, end: Int) throws(FileError) -> Int {
        var position = (offset + 7) / 8 * 8
        while position + SegmentFormat.recordHeaderLength <= end {
            let chunk = try file.read(min(256 * 1024, end - position), at: position)
            var index = 0
            while index + 4 <= chunk.count {
                let magic: UInt32 = chunk[index...].littleEndian(at: 0)
                if magic == SegmentFormat.recordMagic || magic == SegmentFormat.skipMagic,
                    try record(at: position + index, end: end) != nil
                {
                    return position + index
                }
                index += 8
            }
            if chunk.isEmpty { break }
            position += (chunk.count + 7) / 8 * 8
        }
        return end
    }

    /// Moves bytes that are no record to `dead`, and puts a mark in their place.
    func buryDamage(from offset: Int, to next: Int, of queue: Queue, in store: SpoolStore) throws(FileError) {
        guard try lock(offset) else { return }
        defer { unlock(offset) }
        // Whoever had the lock may have done it.
        if try record(at: offset, end: committed) != nil { return }
        try store.bury(
            try file.read(next - offset, at: offset), as: "\(name)-\(offset).bad", queue: queue.name,
            reason: "The checksum of a record of the segment \(name) at \(offset) does not match.")
        queue.counters.subtract(.messages, 1)
        guard next - offset >= SegmentFormat.recordHeaderLength else { return }
        let length = next - offset - SegmentFormat.recordHeaderLength
        try file.write(SegmentFormat.skip(length: length), at: offset)
    }

    /// Takes over a segment whose writer is dead: what was written whole after the last commit counts, the torn rest
    /// is cut, and the segment is closed.
    static func recover(_ name: String, in directory: Directory, durable: Bool) throws(FileError) {
        var segment = try SegmentFile(name, in: directory)
        defer { segment.file.closeQuietly() }
        if segment.isSealed { return }
        let size = Int(try segment.file.status().st_size)
        var end = max(segment.committed, SegmentFormat.headerLength)
        while let record = try segment.record(at: end, end: size) { end += record.header.recordLength }
        try segment.file.operations.truncate(segment.file.descriptor, to: end)
            .checked("truncate \(segment.file.path)")
        if durable { try segment.file.synchronize(dataOnly: true) }
        var header: [UInt8] = []
        header.append(littleEndian: UInt64(end))
        header.append(littleEndian: UInt64(1))
        try segment.file.write(header, at: SegmentFormat.committedOffset)
        try segment.refresh()
    }
}

/// What a full queue of segments holds, counted anew.
struct SegmentCensus {
    private let queue: Queue

    init(_ queue: Queue) {
        self.queue = queue
    }

    /// Counts what is not done, drops what has expired, and corrects the counters.
    func recount() throws(FileError) {
        let before = queue.counted
        let now = Timestamp.now.milliseconds
        var messages: UInt64 = 0
        var bytes: UInt64 = 0
        try forEachRecord { (segment, offset, header) throws(FileError) in
            if header.isDone { return }
            if header.name.isExpired(at: now), try segment.lock(offset) {
                let state = try segment.state(at: offset)
                try segment.setState(state | SegmentFormat.done, at: offset)
                segment.unlock(offset)
                return
            }
            messages += 1
            bytes += UInt64(header.length)
        }
        queue.correct(from: before, to: (messages, bytes))
    }

    /// Visits every record that is committed; damaged stretches are left to the readers.
    func forEachRecord(
        _ body: (SegmentFile, Int, RecordHeader) throws(FileError) -> Void
    ) throws(FileError) {
        for name in try queue.ready.names().sorted() where SegmentFile.isSegment(name) {
            let segment: SegmentFile
            do throws(FileError) {
                segment = try SegmentFile(name, in: queue.ready)
            } catch {
                continue
            }
            defer { segment.file.closeQuietly() }
            var offset = SegmentFormat.headerLength
            while offset < segment.committed {
                let head = try segment.file.read(SegmentFormat.recordHeaderLength, at: offset)
                guard let header = RecordHeader(head[...]), offset + header.recordLength <= segment.committed else {
                    offset = try segment.nextRecord(from: offset + 8, end: segment.committed)
                    continue
                }
                if header.magic == SegmentFormat.recordMagic { try body(segment, offset, header) }
                offset += header.recordLength
            }
        }
    }
}
