internal import Glibc
internal import Logging
package import SwitchboardCore

/// Claims messages of the segment layout: a lock of one byte of the record, which one open file has and which dies with
/// its process.
package final class SegmentReader: QueueReader {
    package let queue: Queue
    private let store: SpoolStore
    private var sources: [String: SegmentSource] = [:]
    /// Names of segments not opened yet, the latest first.
    private var unopened: [String] = []
    private var known: Set<String> = []
    /// Worth another try, and held by others when last seen.
    private var returned: [PassedRecord] = []
    private var held: [PassedRecord] = []

    /// Its change tells the other consumers that a message came back.
    private static let signal = "returned"

    package init(_ queue: Queue, _ store: SpoolStore) {
        self.queue = queue
        self.store = store
    }

    // MARK: What is there

    package func rescan() throws(FileError) {
        let names = try queue.ready.names()
        for name in names { learn(name) }
        dropReplaced(names)
        for source in sources.values {
            source.isDirty = true
            source.isSuspended = false
        }
        retryHeld()
        for name in Array(sources.keys) { tidy(name) }
    }

    package var isBehind: Bool { false }

    package func noticed(_ name: String) {
        if name == Self.signal { return retryHeld() }
        if let source = sources[name] {
            source.isDirty = true
        } else {
            learn(name)
        }
    }

    /// A process ended: what it held may be free.
    func ownerDied() {
        retryHeld()
    }

    private func learn(_ name: String) {
        guard SegmentFile.isSegment(name), known.insert(name).inserted else { return }
        let index = unopened.firstIndex { $0 < name } ?? unopened.endIndex
        unopened.insert(name, at: index)
    }

    private func retryHeld() {
        returned += held
        held = []
        returned.sort { $0.name > $1.name }
    }

    /// Lets go of segments that were removed, or replaced by files of the same name: their descriptors outlive that.
    private func dropReplaced(_ names: [String]) {
        let present = Set(names)
        for (name, source) in sources {
            if present.contains(name), let there = try? queue.ready.status(name),
                let held = try? source.segment.file.status(), FileIdentity(there) == FileIdentity(held)
            {
                continue
            }
            drop(name)
            if present.contains(name) { learn(name) }
        }
    }

    private func drop(_ name: String) {
        held.removeAll { $0.position.segment == name }
        returned.removeAll { $0.position.segment == name }
        sources.removeValue(forKey: name)?.records.close()
        known.remove(name)
    }

    /// Opens the segments that may begin before `limit`.
    private func open(before limit: UInt64?) throws(FileError) {
        var failure: FileError?
        while let name = unopened.last, limit == nil || SegmentFile.start(of: name) <= limit ?? 0 {
            unopened.removeLast()
            do throws(FileError) {
                let segment = try SegmentFile(name, in: queue.ready)
                sources[name] = SegmentSource(segment)
                if !segment.isHeaderSound {
                    store.logger.warning(
                        "Header of a segment damaged; it is read by its records",
                        metadata: ["spool.queue": "\(queue.name)", "spool.file": "\(name)"])
                }
                if limit == nil { break }
            } catch {
                known.remove(name)
                guard SegmentFile.isUnusable(error) else {
                    // Not the segment's fault, or gone: the next rescan finds it again if it is there.
                    if !error.isNotFound { failure = error }
                    continue
                }
                _ = try? store.bury(
                    name, in: queue.ready, as: name, queue: queue.name, reason: "The segment cannot be used: \(error).")
            }
        }
        if let failure { throw failure }
    }

    // MARK: Claiming

    package func claim() throws(FileError) -> Claim? {
        while true {
            var first = returned.last?.name
            var segment: String?
            var failure: FileError?
            for (name, source) in sources where !source.isSuspended {
                do throws(FileError) {
                    try advance(source)
                } catch {
                    // The others do not wait for this one.
                    source.isSuspended = true
                    failure = error
                }
                guard let head = source.head else { continue }
                if let known = first, known < head.header.name { continue }
                first = head.header.name
                segment = name
            }
            if let next = unopened.last, SegmentFile.start(of: next) <= first?.identifier ?? .max {
                try open(before: first?.identifier)
                continue
            }
            if first == nil {
                if let failure { throw failure }
                return nil
            }
            if let failure { report(failure) }
            if let name = segment, let source = sources[name], let head = source.head {
                source.head = nil
                source.open.insert(head.offset)
                let position = RecordPosition(segment: name, offset: head.offset)
                if let claim = try claim(head.header.name, position, head.payload) { return claim }
            } else if let passed = returned.popLast() {
                guard let source = sources[passed.position.segment] else { continue }
                let record: (header: RecordHeader, payload: [UInt8])?
                do throws(FileError) {
                    record = try source.segment.record(at: passed.position.offset, end: source.segment.committed)
                } catch {
                    held.append(passed)
                    throw error
                }
                guard let record else { continue }
                if let claim = try claim(passed.name, passed.position, record.payload) { return claim }
            }
        }
    }

    private func report(_ failure: FileError) {
        store.logger.warning(
            "Segment not read", metadata: ["spool.queue": "\(queue.name)", "error": "\(failure)"])
    }

    private func claim(
        _ name: MessageName, _ position: RecordPosition, _ payload: [UInt8]
    ) throws(FileError) -> Claim? {
        do throws(FileError) {
            return try claimLocked(name, position, payload)
        } catch {
            // It stays where it is, and is tried again with what others hold.
            sources[position.segment]?.segment.unlock(position.offset)
            held.append(PassedRecord(name: name, position: position))
            throw error
        }
    }

    private func claimLocked(
        _ name: MessageName, _ position: RecordPosition, _ payload: [UInt8]
    ) throws(FileError) -> Claim? {
        guard let source = sources[position.segment] else { return nil }
        let segment = source.segment
        let offset = position.offset
        guard try segment.lock(offset) else {
            held.append(PassedRecord(name: name, position: position))
            return nil
        }
        // Only now is the state certain: whoever had the lock may have finished.
        guard let state = try segment.state(at: offset) else {
            try bury(
                payload, name, position,
                "The state of the record is damaged: nobody knows whether the message was done with.")
            return nil
        }
        if state & SegmentFormat.done != 0 {
            segment.unlock(offset)
            settled(position)
            return nil
        }
        var taken = name
        let attempts = SegmentFormat.attempts(state)
        taken.attempt = attempts + 1
        taken.wasReleased = state & SegmentFormat.released != 0
        let limit = store.configuration.maximumAttempts
        if name.isExpired(at: Timestamp.now.milliseconds) {
            try finish(position, taken, attempts: attempts)
            return nil
        }
        if attempts >= limit {
            try bury(payload, taken, position, "It was delivered \(attempts) times and never settled.")
            return nil
        }
        let most = store.configuration.maximumMessageBytes
        if payload.count > most {
            try bury(
                payload, taken, position, "It has \(payload.count) bytes, more than the \(most) of max_message_bytes.")
            return nil
        }
        try segment.setState(state + 1, at: offset)
        do throws(MessageFile.Malformed) {
            return Claim(message: try MessageFile(decoding: payload).message, name: taken, record: position)
        } catch let malformed {
            try bury(payload, taken, position, "The record is no message: \(malformed)")
            return nil
        }
    }

    /// Reads the next record that is not done.
    private func advance(_ source: SegmentSource) throws(FileError) {
        if source.isDirty {
            try source.segment.refresh()
            source.isDirty = false
        }
        let end = source.segment.committed
        while source.head == nil, source.cursor < end {
            let offset = source.cursor
            guard let (header, payload) = try source.readAhead.record(at: offset, end: end, of: source.segment) else {
                try skipDamage(source, offset)
                continue
            }
            source.cursor += header.recordLength
            if header.isMessage, !header.isDone {
                source.head = (offset, header, payload)
            }
        }
        source.open.subtract(source.records.takeFinished())
        guard source.isAtEnd else { return }
        source.readAhead.clear()
        // Its closing is reported, as every change is.
        if source.segment.isSealed, source.open.isEmpty { tidy(source.segment.name) }
    }

    /// Has bytes that are no record moved out of the way, and goes on behind them.
    private func skipDamage(_ source: SegmentSource, _ offset: Int) throws(FileError) {
        let next = try source.segment.walk(to: source.segment.committed).next(afterDamageAt: offset)
        source.cursor = next
        do throws(FileError) {
            try source.segment.buryDamage(offset..<next, of: queue, in: store)
        } catch {
            source.hasUnburied = true
            throw error
        }
    }

    // MARK: Settling

    package func settle(_ claim: Claim, _ settlement: Settlement) throws(FileError) {
        guard let position = claim.record, let source = sources[position.segment] else { return }
        switch settlement {
        case .accept:
            try finish(position, claim.name, attempts: claim.name.attempt)
        case .requeue:
            giveBack(claim, source.segment, position)
        case .release:
            let attempts = UInt32(clamping: claim.name.released.attempt)
            try source.segment.setState(attempts | SegmentFormat.released, at: position.offset)
            giveBack(claim, source.segment, position)
        case .discard(let reason):
            let record = try source.segment.record(at: position.offset, end: source.segment.committed)
            // Where it cannot be read any more, it is still in memory.
            let payload =
                record?.payload
                ?? MessageFile(message: claim.message, queue: queue.name.encoded, published: 0).encoded
            try bury(payload, claim.name, position, reason)
        }
    }

    package func withdraw(_ claim: Claim) throws(FileError) {
        guard let position = claim.record, let segment = sources[position.segment]?.segment else { return }
        let released = claim.name.wasReleased ? SegmentFormat.released : 0
        try segment.setState(UInt32(clamping: claim.name.attempt - 1) | released, at: position.offset)
        giveBack(claim, segment, position)
    }

    private func giveBack(_ claim: Claim, _ segment: SegmentFile, _ position: RecordPosition) {
        segment.unlock(position.offset)
        returned.append(PassedRecord(name: claim.name, position: position))
        returned.sort { $0.name > $1.name }
        tellOthers()
    }

    private func bury(
        _ payload: [UInt8], _ name: MessageName, _ position: RecordPosition, _ reason: String
    ) throws(FileError) {
        try store.bury(payload, as: "\(name)", queue: queue.name, reason: reason)
        try finish(position, name, attempts: name.attempt)
    }

    private func finish(_ position: RecordPosition, _ name: MessageName, attempts: Int) throws(FileError) {
        guard let source = sources[position.segment] else { return }
        try source.records.finish(position.offset, attempts: attempts)
        queue.release(bytes: name.size)
        settled(position)
    }

    package func acceptance(of claim: Claim) -> Acceptance {
        guard let position = claim.record, let source = sources[position.segment] else { return {} }
        let (queue, records) = (queue, source.records)
        return { () throws(FileError) in
            try records.finish(position.offset, attempts: claim.name.attempt)
            queue.release(bytes: claim.name.size)
        }
    }

    private func settled(_ position: RecordPosition) {
        guard let source = sources[position.segment] else { return }
        source.open.remove(position.offset)
        if source.segment.isSealed { tidy(position.segment) }
    }

    private func tellOthers() {
        guard let file = try? queue.ready.file(Self.signal, flags: CreateFlags.writing) else { return }
        try? file.write([1], at: 0)
        file.closeQuietly()
    }

    /// Removes a segment that is closed and wholly done.
    private func tidy(_ name: String) {
        guard let source = sources[name], !source.isSuspended else { return }
        if !source.segment.isSealed { try? source.segment.refresh() }
        guard source.segment.isSealed, source.isAtEnd, !source.hasUnburied else { return }
        for offset in source.open {
            guard let state = try? source.segment.state(at: offset), state & SegmentFormat.done != 0 else { return }
        }
        try? queue.ready.unlink(name)
        drop(name)
    }

    package func close() {
        // What was finished elsewhere may have been the last of its segment.
        for name in Array(sources.keys) { tidy(name) }
        for source in sources.values { source.records.close() }
        sources = [:]
    }
}
