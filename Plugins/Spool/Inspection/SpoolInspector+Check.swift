public import SwitchboardCore

extension SpoolInspector {
    /// Looks at everything: claims of the dead, damaged messages, what is left over, counters that are wrong.
    ///
    /// With `repairing` it puts right what it finds; a message that is damaged goes to `dead/` with the reason. Reads every
    /// message of the layout `maildir`, so it takes as long as reading them does.
    public func check(repairing: Bool) throws(TransportError) -> [Finding] {
        var findings: [Finding] = []
        do throws(FileError) {
            try checkOwners(&findings, repairing)
            for name in try store.queueNames() {
                guard let queue = try store.existingQueue(name) else { continue }
                switch store.layout {
                case .maildir: try checkFiles(queue, &findings, repairing)
                case .segment: try checkSegments(queue, &findings)
                }
                try checkCounters(queue, &findings, repairing)
            }
            try checkDead(&findings, repairing)
            return findings
        } catch {
            throw failed("checked", error)
        }
    }

    private func checkOwners(_ findings: inout [Finding], _ repairing: Bool) throws(FileError) {
        for name in try store.owners.names() where name != store.owner.name {
            guard let file = try Owner.lockDead(name, in: store.owners) else { continue }
            file.closeQuietly()
            findings.append(
                Finding(
                    sentence: "The process \(name) is dead and what it held has not been given back.",
                    isRepaired: repairing))
        }
        if repairing { try store.reap() }
    }

    private func checkFiles(
        _ queue: Queue, _ findings: inout [Finding], _ repairing: Bool
    ) throws(FileError) {
        for text in try queue.ready.names() {
            var reason: String?
            if MessageName(text) == nil {
                reason = "The file has a name of no message."
            } else {
                do throws(FileError) {
                    let bytes = try queue.ready.contents(of: text, limit: 1 << 30)
                    do throws(MessageFile.Malformed) {
                        _ = try MessageFile(decoding: bytes)
                    } catch let malformed {
                        reason = "The file is no message: \(malformed)"
                    }
                } catch {
                    // A consumer took it meanwhile.
                    if error.isNotFound { continue }
                    reason = "The file cannot be read: \(error)."
                }
            }
            guard let reason else { continue }
            if repairing {
                try store.bury(text, in: queue.ready, as: text, queue: queue.name, reason: reason)
            }
            findings.append(Finding(sentence: "\(queue.name), \(text): \(reason)", isRepaired: repairing))
        }
    }

    /// Damaged records are moved to `dead` by whoever meets them first; here they are told.
    private func checkSegments(_ queue: Queue, _ findings: inout [Finding]) throws(FileError) {
        for name in try queue.ready.names().sorted() where SegmentFile.isSegment(name) {
            do throws(FileError) {
                let segment = try SegmentFile(name, in: queue.ready)
                defer { segment.file.closeQuietly() }
                var offset = SegmentFormat.headerLength
                while offset < segment.committed {
                    if let record = try segment.record(at: offset, end: segment.committed) {
                        offset += record.header.recordLength
                        continue
                    }
                    let next = try segment.nextRecord(from: offset + 8, end: segment.committed)
                    findings.append(
                        Finding(
                            sentence: "\(queue.name), segment \(name): the bytes from \(offset) to \(next) are no "
                                + "record; a consumer that meets them moves them to dead/.",
                            isRepaired: false))
                    offset = next
                }
            } catch {
                findings.append(
                    Finding(sentence: "\(queue.name), segment \(name): \(error).", isRepaired: false))
            }
        }
    }

    private func checkCounters(
        _ queue: Queue, _ findings: inout [Finding], _ repairing: Bool
    ) throws(FileError) {
        let before = (queue.counters.load(.messages), queue.counters.load(.bytes))
        var summary = (messages: UInt64(0), bytes: UInt64(0))
        switch store.layout {
        case .maildir:
            for text in try queue.ready.names() {
                guard let name = MessageName(text) else { continue }
                summary = (summary.messages + 1, summary.bytes + UInt64(name.size))
            }
            for text in try queue.claimed.names() {
                guard let name = ClaimName(text)?.message else { continue }
                summary = (summary.messages + 1, summary.bytes + UInt64(name.size))
            }
        case .segment:
            var counted = summary
            try SegmentCensus(queue).forEachRecord { (_, _, header) throws(FileError) in
                if !header.isDone { counted = (counted.messages + 1, counted.bytes + UInt64(header.length)) }
            }
            summary = counted
        }
        if before == summary { return }
        if repairing {
            queue.counters.store(.messages, summary.messages)
            queue.counters.store(.bytes, summary.bytes)
        }
        findings.append(
            Finding(
                sentence: "\(queue.name): the counters say \(before.0) messages of \(before.1) bytes; there are "
                    + "\(summary.messages) of \(summary.bytes) (in use, they may differ for a moment).",
                isRepaired: repairing))
    }

    private func checkDead(_ findings: inout [Finding], _ repairing: Bool) throws(FileError) {
        let names = Set(try store.dead.names())
        for name in names.sorted() where name.hasSuffix(".reason") && !names.contains(String(name.dropLast(7))) {
            if repairing { try? store.dead.unlink(name) }
            findings.append(
                Finding(sentence: "dead/\(name) is the reason of a message that is not there.", isRepaired: repairing))
        }
    }
}
