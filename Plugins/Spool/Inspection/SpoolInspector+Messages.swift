public import SwitchboardCore

/// Messages that wait or are claimed.
extension SpoolInspector {
    /// The first waiting messages of a queue, in order. The queue is given by its full name.
    public func messages(in queue: String, limit: Int = 100) throws(TransportError) -> [StoredMessage] {
        guard let name = QueueName(encoded: queue) else { throw noQueue(queue) }
        let found: [StoredMessage]?
        do throws(FileError) {
            if let queue = try store.existingQueue(name) {
                found = try messages(in: queue, limit: limit)
            } else {
                found = nil
            }
        } catch {
            throw failed("read", error)
        }
        guard let found else { throw noQueue(queue) }
        return found
    }

    private func messages(in queue: Queue, limit: Int) throws(FileError) -> [StoredMessage] {
        if store.layout == .segment { return try records(in: queue, limit: limit) }
        var messages: [StoredMessage] = []
        for text in try queue.ready.names().sorted().prefix(limit) {
            messages.append(stored(text, attempts: MessageName(text)?.attempt ?? 0, queue.ready, queue))
        }
        return messages
    }

    /// The dead, waiting or claimed message with a name; `nil` if there is none.
    public func message(named name: String) throws(TransportError) -> StoredMessage? {
        do throws(FileError) {
            if isFileName(name), try store.dead.contains(name) { return letter(name) }
            guard isFileName(name), ClaimName(name) != nil || MessageName(name) != nil else { return nil }
            for queueName in try store.queueNames() {
                guard let queue = try store.existingQueue(queueName) else { continue }
                if let found = try message(named: name, in: queue) { return found }
            }
            return nil
        } catch {
            throw failed("read", error)
        }
    }

    private func message(named name: String, in queue: Queue) throws(FileError) -> StoredMessage? {
        switch store.layout {
        case .maildir:
            if try queue.ready.contains(name) {
                return stored(name, attempts: MessageName(name)?.attempt ?? 0, queue.ready, queue)
            }
            let claims = try queue.claimed.names().filter {
                $0 == name || ClaimName($0).map { "\($0.message)" } == name
            }
            guard let claim = claims.first else { return nil }
            return stored(claim, attempts: ClaimName(claim)?.message.attempt ?? 0, queue.claimed, queue)
        case .segment:
            var found: StoredMessage?
            try SegmentCensus(queue, changing: false).forEachRecord { (segment, offset, header) throws(FileError) in
                guard found == nil, !header.isDone, "\(header.name)" == name else { return }
                found = try stored(segment, offset, header, queue)
            }
            return found
        }
    }

    private func stored(_ name: String, attempts: Int, _ directory: Directory, _ queue: Queue) -> StoredMessage {
        StoredMessage(
            name: name, queue: queue.name.encoded, attempts: attempts, reason: nil, message: read(name, in: directory))
    }

    private func stored(
        _ segment: SegmentFile, _ offset: Int, _ header: RecordHeader, _ queue: Queue
    ) throws(FileError) -> StoredMessage? {
        guard let record = try segment.record(at: offset, end: segment.committed) else { return nil }
        return StoredMessage(
            name: "\(header.name)", queue: queue.name.encoded, attempts: header.name.attempt, reason: nil,
            message: try? MessageFile(decoding: record.payload).message)
    }

    private func records(in queue: Queue, limit: Int) throws(FileError) -> [StoredMessage] {
        var messages: [StoredMessage] = []
        try SegmentCensus(queue, changing: false).forEachRecord { (segment, offset, header) throws(FileError) in
            guard !header.isDone, messages.count < limit, try !segment.isLocked(offset) else { return }
            if let message = try stored(segment, offset, header, queue) { messages.append(message) }
        }
        return messages.sorted { $0.name < $1.name }
    }

    func read(_ name: String, in directory: Directory) -> Message? {
        guard let bytes = try? directory.contents(of: name, limit: store.configuration.maximumMessageBytes) else {
            return nil
        }
        return try? MessageFile(decoding: bytes).message
    }

    /// Whether a name that somebody typed stays inside a directory.
    func isFileName(_ name: String) -> Bool {
        !name.isEmpty && !name.utf8.contains(UInt8(ascii: "/")) && !name.utf8.contains(0) && name != "." && name != ".."
    }

    // MARK: Removing

    /// Removes a message that waits: claimed first, as a consumer would. Whether it was there.
    func dropWaiting(_ name: String, from store: SpoolStore) throws(FileError) -> Bool {
        guard let message = MessageName(name) else { return false }
        for queueName in try store.queueNames() {
            guard let queue = try store.existingQueue(queueName) else { continue }
            switch store.layout {
            case .maildir:
                let claim = "\(ClaimName(message: message, owner: store.owner.name))"
                do throws(FileError) {
                    try queue.ready.rename(name, to: queue.claimed, as: claim)
                } catch  where error.isNotFound {
                    continue
                }
                try queue.claimed.unlink(claim)
                queue.release(bytes: message.size)
                return true
            case .segment:
                if try dropRecord(name, in: queue) { return true }
            }
        }
        return false
    }

    private func dropRecord(_ name: String, in queue: Queue) throws(FileError) -> Bool {
        var isDropped = false
        try SegmentCensus(queue).forEachRecord { (segment, offset, header) throws(FileError) in
            guard !isDropped, !header.isDone, "\(header.name)" == name, try segment.lock(offset) else { return }
            defer { segment.unlock(offset) }
            // Only now is the state certain: whoever had the lock may have finished.
            let state = try segment.state(at: offset) ?? 0
            guard state & SegmentFormat.done == 0 else { return }
            try segment.finish(offset, attempts: Int(state))
            queue.release(bytes: header.length)
            isDropped = true
        }
        return isDropped
    }
}
