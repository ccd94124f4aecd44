public import SwitchboardCore

extension SpoolInspector {
    /// Checks the whole spool: claims of dead processes, damaged messages, leftovers, wrong counters.
    ///
    /// With `repairing` it repairs what it finds. A damaged message goes to `dead/` with the reason. It reads every
    /// message, and takes as long as that takes.
    public func check(repairing: Bool) throws(TransportError) -> [Finding] {
        var findings: [Finding] = []
        let store = repairing ? try presence().store : store
        do throws(FileError) {
            try checkOwners(store, &findings, repairing)
            for name in try store.queueNames() {
                do throws(FileError) {
                    guard let queue = try store.existingQueue(name) else {
                        findings.append(
                            Finding(sentence: "\(name): a part of its directory is missing.", isRepaired: repairing))
                        if repairing { _ = try store.queue(name) }
                        continue
                    }
                    try check(queue, store, &findings, repairing)
                } catch {
                    findings.append(Finding(sentence: "\(name) cannot be read: \(error).", isRepaired: false))
                }
            }
            try checkNames(store, &findings, repairing)
            try checkDead(store, &findings, repairing)
            return findings
        } catch {
            throw failed("checked", error)
        }
    }

    private func check(
        _ queue: Queue, _ store: SpoolStore, _ findings: inout [Finding], _ repairing: Bool
    ) throws(FileError) {
        switch store.layout {
        case .maildir: try checkFiles(queue, store, &findings, repairing)
        case .segment: try checkSegments(queue, store, &findings, repairing)
        }
        try checkCounters(queue, &findings, repairing)
    }

    private func checkOwners(_ store: SpoolStore, _ findings: inout [Finding], _ repairing: Bool) throws(FileError) {
        for name in try store.owners.names() where name != store.owner.name {
            do throws(FileError) {
                guard let file = try Owner.lockDead(name, in: store.owners) else { continue }
                file.closeQuietly()
            } catch {
                if error.isNotFound { continue }
                findings.append(
                    Finding(sentence: "owners/\(name) is not the file of a process: \(error).", isRepaired: false))
                continue
            }
            findings.append(
                Finding(
                    sentence: "The process \(name) is dead and what it held has not been given back.",
                    isRepaired: repairing))
        }
        if repairing { try store.reap() }
    }

    private func checkFiles(
        _ queue: Queue, _ store: SpoolStore, _ findings: inout [Finding], _ repairing: Bool
    ) throws(FileError) {
        for text in try queue.ready.names() {
            var reason: String?
            if MessageName(text) == nil {
                reason = "The file has a name of no message."
            } else {
                do throws(FileError) {
                    let limit = store.configuration.maximumMessageBytes
                    let bytes = try queue.ready.contents(of: text, limit: limit)
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
            var isBuried = false
            if repairing {
                isBuried =
                    (try? store.bury(text, in: queue.ready, as: text, queue: queue.name, reason: reason)) == true
            }
            findings.append(Finding(sentence: "\(queue.name), \(text): \(reason)", isRepaired: isBuried))
        }
    }

    private func checkSegments(
        _ queue: Queue, _ store: SpoolStore, _ findings: inout [Finding], _ repairing: Bool
    ) throws(FileError) {
        for name in try queue.ready.names().sorted() where SegmentFile.isSegment(name) {
            do throws(FileError) {
                let segment = try SegmentFile(name, in: queue.ready, changing: repairing)
                defer { segment.file.closeQuietly() }
                if !segment.isHeaderSound, segment.isSealed || segment.isHeaderLost {
                    // That of an open one is written anew by its writer.
                    if repairing { try segment.repairHeader() }
                    findings.append(
                        Finding(
                            sentence: "\(queue.name), segment \(name): its header is damaged.",
                            isRepaired: repairing && segment.isSealed))
                }
                try checkRecords(segment, queue, store, &findings, repairing)
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
        _ segment: SegmentFile, _ queue: Queue, _ store: SpoolStore, _ findings: inout [Finding], _ repairing: Bool
    ) throws(FileError) {
        var damaged: [(range: Range<Int>, isRepaired: Bool)] = []
        try segment.walk(to: segment.committed).forEachPiece(from: SegmentFormat.headerLength) {
            (range, piece) throws(FileError) in
            guard case .damage = piece else { return }
            // The mark of a short stretch that lies in `dead` already.
            if range.count < SegmentFormat.recordHeaderLength,
                try segment.file.read(range.count, at: range.lowerBound).allSatisfy({ $0 == 0 })
            {
                return
            }
            if repairing { try segment.buryDamage(range, of: queue, in: store) }
            damaged.append((range, repairing))
        }
        for (range, isRepaired) in damaged {
            findings.append(
                Finding(
                    sentence: "\(queue.name), segment \(segment.name): the bytes from \(range.lowerBound) to "
                        + "\(range.upperBound) are no record.",
                    isRepaired: isRepaired))
        }
    }

    private func checkCounters(
        _ queue: Queue, _ findings: inout [Finding], _ repairing: Bool
    ) throws(FileError) {
        let before = queue.counted
        var found = QueueCount()
        switch store.layout {
        case .maildir:
            for text in try queue.ready.names() {
                if let name = MessageName(text) { found.add(name.size) }
            }
            for text in try queue.claimed.names() {
                if let name = ClaimName(text)?.message { found.add(name.size) }
            }
        case .segment:
            var counted = found
            try SegmentCensus(queue, changing: false).forEachRecord { (_, _, header) throws(FileError) in
                if !header.isDone { counted.add(header.length) }
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
    private func checkNames(_ store: SpoolStore, _ findings: inout [Finding], _ repairing: Bool) throws(FileError) {
        let known = Set(try store.queueNames().map(\.directoryName))
        for name in try store.queues.names().sorted() where !known.contains(name) {
            // Nobody knows whose it is, so it is left to a person.
            findings.append(Finding(sentence: "queues/\(name) is not the directory of a queue.", isRepaired: false))
        }
        for source in try store.bindings.names().sorted() {
            guard let directory = try? store.bindings.directory(source) else {
                findings.append(Finding(sentence: "bindings/\(source) is not a directory.", isRepaired: false))
                continue
            }
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

    private func checkDead(_ store: SpoolStore, _ findings: inout [Finding], _ repairing: Bool) throws(FileError) {
        let names = Set(try store.dead.names())
        for name in names.sorted() where name.hasSuffix(".reason") && !names.contains(String(name.dropLast(7))) {
            if repairing { try? store.dead.unlink(name) }
            findings.append(
                Finding(sentence: "dead/\(name) is the reason of a message that is not there.", isRepaired: repairing))
        }
    }
}
