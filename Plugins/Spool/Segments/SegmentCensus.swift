/// What a full queue of segments holds, counted anew.
struct SegmentCensus {
    private let queue: Queue
    /// Whether states are to be changed.
    private let changing: Bool

    init(_ queue: Queue, changing: Bool = true) {
        self.queue = queue
        self.changing = changing
    }

    /// Counts what is not done, drops what has expired, and corrects the counters.
    func recount() throws(FileError) {
        let before = queue.counted
        let now = Timestamp.now.milliseconds
        var found = QueueCount()
        try forEachRecord { (segment, offset, header) throws(FileError) in
            if header.isDone { return }
            if header.name.isExpired(at: now), header.state != nil, try segment.lock(offset) {
                defer { segment.unlock(offset) }
                try segment.finish(offset, attempts: header.name.attempt)
                return
            }
            found.add(header.length)
        }
        queue.correct(from: before, to: found)
    }

    /// Visits every record that is committed; damaged stretches are left to the readers.
    func forEachRecord(
        _ body: (SegmentFile, Int, RecordHeader) throws(FileError) -> Void
    ) throws(FileError) {
        for name in try queue.ready.names().sorted() where SegmentFile.isSegment(name) {
            let segment: SegmentFile
            do throws(FileError) {
                segment = try SegmentFile(name, in: queue.ready, changing: changing)
            } catch {
                continue
            }
            defer { segment.file.closeQuietly() }
            let end = segment.committed
            var offset = SegmentFormat.headerLength
            while offset < end {
                let head = try segment.file.read(SegmentFormat.recordHeaderLength, at: offset)
                guard let header = RecordHeader(head[...]), header.recordLength <= end - offset,
                    header.isSound || header.magic != SegmentFormat.recordMagic
                else {
                    offset = try segment.walk(to: end).next(afterDamageAt: offset)
                    continue
                }
                if header.isMessage { try body(segment, offset, header) }
                offset += header.recordLength
            }
        }
    }
}
