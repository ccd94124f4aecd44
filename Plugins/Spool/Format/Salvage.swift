internal import Glibc

/// The whole messages in bytes that lie in `dead`: those of one message, of a damaged stretch of a segment, or of a segment.
package struct Salvage: Sendable {
    /// In their order.
    package private(set) var messages: [MessageFile] = []
    /// The bytes that are no message, and may be a part of one.
    package private(set) var rest: [UInt8] = []
    /// Why the whole is no message; `nil` when it is one.
    package private(set) var defect: MessageFile.Malformed?

    package init(_ bytes: [UInt8]) {
        do throws(MessageFile.Malformed) {
            messages = [try MessageFile(decoding: bytes)]
        } catch {
            defect = error
            let isSegment = SegmentHeader(decoding: bytes[...]) != nil || bytes.starts(with: "SWBSEG".utf8)
            let walk = SegmentWalk(bytes: bytes[...], end: bytes.count)
            // Memory can always be read.
            try? walk.forEachPiece(from: isSegment ? min(SegmentFormat.headerLength, bytes.count) : 0) { range, piece in
                switch piece {
                case .record(let header, let payload):
                    guard !header.isDone else { return }
                    take(payload[...])
                case .damage: search(bytes[range])
                }
            }
        }
    }

    private mutating func take(_ payload: ArraySlice<UInt8>) {
        if let file = try? MessageFile(decoding: Array(payload)) {
            messages.append(file)
        } else {
            rest += payload
        }
    }

    /// Where only the record around it is damaged, a message is whole: it has a checksum of its own.
    private mutating func search(_ stretch: ArraySlice<UInt8>) {
        var rest = stretch
        var start = stretch.startIndex
        while let position = Self.firstMessage(in: stretch[start...]) {
            guard let length = MessageFile.length(of: stretch[position...]),
                let file = try? MessageFile(decoding: Array(stretch[position..<(position + length)]))
            else {
                start = position + 1
                continue
            }
            messages.append(file)
            start = position + length
            rest = stretch[start...]
        }
        if !messages.isEmpty, rest.count < SegmentFormat.recordHeaderLength { return }
        if rest.contains(where: { $0 != 0 }) { self.rest += rest }
    }

    private static func firstMessage(in bytes: ArraySlice<UInt8>) -> Int? {
        let magic = MessageFile.magic.withUTF8Buffer { Array($0) }
        return bytes.withUnsafeBytes { buffer in
            guard let start = buffer.baseAddress else { return nil }
            var position = 0
            while let found = memchr(start + position, CInt(magic[0]), buffer.count - position) {
                position = UnsafeRawPointer(found) - start
                if buffer[position...].starts(with: magic) { return bytes.startIndex + position }
                position += 1
            }
            return nil
        }
    }
}
