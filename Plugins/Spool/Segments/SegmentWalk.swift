/// Where the bytes of a segment are: in a file, or in memory.
protocol SegmentBytes {
    /// Up to `count` bytes from `start`: fewer at the end.
    func read(_ count: Int, at start: Int) throws(FileError) -> [UInt8]
}

extension OpenFile: SegmentBytes {}

extension ArraySlice<UInt8>: SegmentBytes {
    func read(_ count: Int, at start: Int) throws(FileError) -> [UInt8] {
        Array(dropFirst(start).prefix(count))
    }
}

/// Finds the records of a segment up to `end`, and the stretches between them that are none.
struct SegmentWalk<Bytes: SegmentBytes> {
    typealias Record = (header: RecordHeader, payload: [UInt8])

    let bytes: Bytes
    let end: Int

    /// The record at `offset`, whole. `nil` when there is none, or none with a right checksum.
    func record(at offset: Int) throws(FileError) -> Record? {
        let head = try bytes.read(SegmentFormat.recordHeaderLength, at: offset)
        guard let header = RecordHeader(head[...]), header.recordLength <= end - offset else { return nil }
        // A checksum of the header is quicker than one of everything.
        if header.magic == SegmentFormat.recordMagic, !header.isSound { return nil }
        let record = try bytes.read(SegmentFormat.recordHeaderLength + header.length, at: offset)
        guard header.matches(record[...]) else { return nil }
        return (header, Array(record[SegmentFormat.recordHeaderLength...]))
    }

    /// Where to go on behind a record that is damaged: at the next one that can be told to be one, or at `end`.
    ///
    /// A length that can be believed is believed. So what looks like a record inside a damaged payload is none.
    func next(afterDamageAt offset: Int) throws(FileError) -> Int {
        let head = try bytes.read(SegmentFormat.recordHeaderLength, at: offset)
        if head.count == SegmentFormat.recordHeaderLength {
            let length = SegmentFormat.recordLength(payload: RecordHeader.length(head[...]))
            if length <= end - offset {
                let next = offset + length
                if let header = RecordHeader(head[...]), header.isSound { return next }
                if next == end { return end }
                if try record(at: next) != nil { return next }
            }
        }
        return try search(from: offset + 8)
    }

    /// Looks at every place where a record may begin.
    private func search(from offset: Int) throws(FileError) -> Int {
        var position = (offset + 7) / 8 * 8
        // Old records have no checksum of the header: bytes that are full of what looks like one must not take for ever.
        var allowance = 8 * (end - offset) + 1 << 20
        while end - position >= SegmentFormat.recordHeaderLength {
            // Overlapping, so that every header lies whole in one of them.
            let chunk = try bytes.read(min(256 * 1024, end - position), at: position)
            guard chunk.count >= SegmentFormat.recordHeaderLength else { break }
            var index = 0
            while let found = Self.firstMagic(in: chunk, from: index) {
                index = found
                if let header = RecordHeader(chunk[index...]), header.recordLength <= end - position - index {
                    if header.isSound { return position + index }
                    if header.magic != SegmentFormat.recordMagic, allowance > 0 {
                        allowance -= header.recordLength
                        if try record(at: position + index) != nil { return position + index }
                    }
                }
                index += 8
            }
            position += (chunk.count - SegmentFormat.recordHeaderLength) / 8 * 8 + 8
        }
        return end
    }

    /// Where a record may begin, whose whole header is there.
    private static func firstMagic(in chunk: [UInt8], from start: Int) -> Int? {
        chunk.withUnsafeBytes { bytes in
            var index = start
            while bytes.count - index >= SegmentFormat.recordHeaderLength {
                let word = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self))
                if word != 0,
                    word == SegmentFormat.recordMagic || word == SegmentFormat.oldRecordMagic
                        || word == SegmentFormat.skipMagic
                {
                    return index
                }
                index += 8
            }
            return nil
        }
    }

    enum Piece {
        case record(RecordHeader, payload: [UInt8])
        case damage
    }

    /// Visits everything from `start` on, in its order: what was skipped once is not visited.
    func forEachPiece(
        from start: Int, _ body: (Range<Int>, Piece) throws(FileError) -> Void
    ) throws(FileError) {
        var offset = start
        while offset < end {
            if let (header, payload) = try record(at: offset) {
                let next = offset + header.recordLength
                if header.isMessage { try body(offset..<next, .record(header, payload: payload)) }
                offset = next
            } else {
                let next = try next(afterDamageAt: offset)
                try body(offset..<next, .damage)
                offset = next
            }
        }
    }
}
