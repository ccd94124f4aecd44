package import SwitchboardCore

/// Where a reader of a queue's messages has come to.
package struct SpoolCursor: Hashable, Sendable {
    fileprivate var segment: String
    fileprivate var offset: Int
}

extension SpoolInspector {
    /// How many bytes of messages a part has before it ends.
    private static let partBytes = 8 << 20

    /// A part of the messages of a queue of the layout `segment`, in the order in which they were published. None is taken.
    ///
    /// What is damaged is a message without content.
    ///
    /// - Parameters:
    ///   - cursor: what the former part came with; `nil` for the first.
    ///   - limit: how many at most.
    /// - Returns: the messages, and where the next part begins; `nil` when that was the last.
    package func messages(
        in queue: String, from cursor: SpoolCursor?, limit: Int
    ) throws(TransportError) -> (messages: [StoredMessage], next: SpoolCursor?) {
        guard store.layout == .segment, let name = QueueName(encoded: queue) else { throw noQueue(queue) }
        let part: (messages: [StoredMessage], next: SpoolCursor?)?
        do throws(FileError) {
            if let found = try store.existingQueue(name) {
                part = try records(in: found, from: cursor, limit: max(1, limit))
            } else {
                part = nil
            }
        } catch {
            throw failed("read", error)
        }
        guard let part else { throw noQueue(queue) }
        return part
    }

    private func records(
        in queue: Queue, from cursor: SpoolCursor?, limit: Int
    ) throws(FileError) -> (messages: [StoredMessage], next: SpoolCursor?) {
        var messages: [StoredMessage] = []
        var bytes = 0
        // Segments are named by the first identifier in them, and identifiers grow.
        for name in try queue.ready.names().sorted() where SegmentFile.isSegment(name) {
            if let cursor, name < cursor.segment { continue }
            let segment = try SegmentFile(name, in: queue.ready, changing: false)
            defer { segment.file.closeQuietly() }
            var ahead = ReadAhead()
            let end = segment.committed
            var offset = SegmentFormat.headerLength
            if let cursor, cursor.segment == name { offset = cursor.offset }
            while offset < end {
                if messages.count >= limit || bytes >= Self.partBytes {
                    return (messages, SpoolCursor(segment: name, offset: offset))
                }
                if let (header, payload) = try ahead.record(at: offset, end: end, of: segment) {
                    offset += header.recordLength
                    guard header.isMessage, !header.isDone else { continue }
                    bytes += payload.count
                    messages.append(
                        StoredMessage(
                            name: "\(header.name)", queue: queue.name.encoded, attempts: header.name.attempt,
                            reason: nil, message: try? MessageFile(decoding: payload).message))
                } else {
                    messages.append(
                        StoredMessage(
                            name: "\(name) at \(offset)", queue: queue.name.encoded, attempts: 0, reason: nil,
                            message: nil))
                    offset = try segment.walk(to: end).next(afterDamageAt: offset)
                }
            }
        }
        return (messages, nil)
    }
}
