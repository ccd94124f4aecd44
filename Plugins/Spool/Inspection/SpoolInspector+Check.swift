public import SwitchboardCore

extension SpoolInspector {
    /// Looks at everything: claims of the dead, damaged messages, what is left over, counters that are wrong.
    ///
    /// With `repairing` it puts right what it finds; a message that is damaged goes to `dead/` with the reason. Reads every
    /// message, so it takes as long as reading them does.
    public func check(repairing: Bool) throws(TransportError) -> [Finding] {
        var findings: [Finding] = []
        do throws(FileError) {
            try checkOwners(&findings, repairing)
            for name in try store.queueNames() {
                guard let queue = try store.existingQueue(name) else { continue }
                switch store.layout {
                case .maildir: try checkFiles(queue, &findings, repairing)
                case .segment: try checkSegments(queue, &findings, repairing)
                }
                try checkCounters(queue, &findings, repairing)
            }
            try checkNames(&findings, repairing)
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

    private func checkSegments(
        _ queue: Queue, _ findings: inout [Finding], _ repairing: Bool
    ) throws(FileError) {
        for name in try queue.ready.names().sorted() where SegmentFile.isSegment(name) {
            do throws(FileError) {
                let segment = try SegmentFile(name, in: queue.ready)
                defer { segment.file.closeQuietly() }
                try checkRecords(segment, queue, &findings, repairing)
            } catch {
                // A consumer removed it meanwhile.
                if error.isNotFound { continue }
                let reason = "The segment cannot be used: \(error)."
                var isBuried = false
                if repairing, SegmentFile.isUnusable(error) {
                    isBuried = try store.bury(name, in: queue.ready, as: name, queue: queue.name, reason: reason)
                }
                findings.append(Finding(sentence: "\(queue.name), \(name): \(reason)", isRepaired: isBuried))
            }
        }
    }

    private func checkRecords(
        _ segment: SegmentFile, _ queue: Queue, _ findings: inout [Finding], _ repairing: Bool
    ) throws(FileError) {
        var offset = SegmentFormat.headerLength
        while offset < segment.committed {
            if let record = try segment.record(at: offset, end: segment.committed) {
                offset += record.header.recordLength
                continue
            }
            let next = try segment.nextRecord(from: offset + 8, end: segment.committed)
            if repairing { try segment.buryDamage(from: offset, to: next, of: queue, in: store) }
            findings.append(
                Finding(
                    sentence:
                        "\(queue.name), segment \(segment.name): the bytes from \(offset) to \(next) are no record.",
                    isRepaired: repairing))
            offset = next
        }
    }

    private func checkCounters(
        _ queue: Queue, _ findings: inout [Finding], _ repairing: Bool
    ) throws(FileError) {
        let before = queue.counted
        var found = (messages: UInt64(0), bytes: UInt64(0))
        switch store.layout {
        case .maildir:
            for text in try queue.ready.names() {
                guard let name = MessageName(text) else { continue }
                found = (found.messages + 1, found.bytes + UInt64(name.size))
            }
            for text in try queue.claimed.names() {
                guard let name = ClaimName(text)?.message else { continue }
                found = (found.messages + 1, found.bytes + UInt64(name.size))
            }
        case .segment:
            var counted = found
            try SegmentCensus(queue).forEachRecord { (_, _, header) throws(FileError) in
                if !header.isDone { counted = (counted.messages + 1, counted.bytes + UInt64(header.length)) }
            }
            found = counted
        }
        if before == found { return }
        if repairing { queue.correct(from: before, to: found) }
        findings.append(
            Finding(
                sentence: "\(queue.name): the counters say \(before.messages) messages of \(before.bytes) bytes; there "
                    + "are \(found.messages) of \(found.bytes) (in use, they may differ for a moment).",
                isRepaired: repairing))
    }

    /// Directories that are no queue, and bindings of queues that are gone.
    private func checkNames(_ findings: inout [Finding], _ repairing: Bool) throws(FileError) {
        let known = Set(try store.queueNames().map(\.directoryName))
        for name in try store.queues.names().sorted() where !known.contains(name) {
            // Nobody knows whose it is, so it is left to a person.
            findings.append(Finding(sentence: "queues/\(name) is not the directory of a queue.", isRepaired: false))
        }
        for source in try store.bindings.names().sorted() {
            let directory = try store.bindings.directory(source)
            for name in try directory.names().sorted() where !known.contains(name) {
                // It may have come since.
                if try store.queues.contains(name) { continue }
                if repairing { try? directory.unlink(name) }
                findings.append(
                    Finding(
                        sentence: "bindings/\(source)/\(name) is of a queue that is not there.", isRepaired: repairing))
            }
        }
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
