internal import Glibc
internal import Logging
package import SwitchboardCore

/// Claims messages of the maildir layout: a rename from `new` to `claimed`, which exactly one process wins.
package final class MaildirReader: QueueReader {
    package let queue: Queue
    private let store: SpoolStore
    private var backlog = Backlog(capacity: 131_072)
    /// Files that were complained of already.
    private var complaints: Set<String> = []

    /// How many files may resist in a row before the directory is taken to be at fault.
    private static let patience = 16

    package init(_ queue: Queue, _ store: SpoolStore) {
        self.queue = queue
        self.store = store
    }

    package func rescan() throws(FileError) {
        var strangers: [String] = []
        try backlog.replace { found throws(FileError) in
            try queue.ready.forEachEntry { bytes in
                if let name = MessageName(utf8: bytes) {
                    found(name)
                } else {
                    strangers.append(String(decoding: bytes, as: UTF8.self))
                }
            }
        }
        for text in strangers { buryStranger(text) }
    }

    package var isBehind: Bool { backlog.horizon != nil }

    package func noticed(_ text: String) {
        if let name = MessageName(text) {
            backlog.insert(name)
        } else {
            buryStranger(text)
        }
    }

    /// Whatever stands in its way: the messages do not wait for it.
    private func buryStranger(_ text: String) {
        var reason = "its name is no text"
        do throws(FileError) {
            let isMoved = try store.bury(
                text, in: queue.ready, as: text, queue: queue.name, reason: "The file has a name of no message.")
            // Another process was faster, or the name was no UTF-8 and cannot be said.
            if isMoved || !text.unicodeScalars.contains("\u{FFFD}") { return }
        } catch {
            reason = "\(error)"
        }
        guard complaints.insert(text).inserted else { return }
        store.logger.warning(
            "File that is no message left in the queue",
            metadata: ["spool.queue": "\(queue.name)", "spool.file": "\(text)", "error": "\(reason)"])
    }

    package func claim() throws(FileError) -> Claim? {
        if backlog.needsScan { try rescan() }
        var resisting = 0
        while let name = backlog.removeFirst() {
            do throws(FileError) {
                if let claim = try claim(name) { return claim }
            } catch  where error.isNotFound {
                // Another consumer was faster.
            } catch {
                resisting += 1
                guard error.isRefusal || error.number == EBUSY || error.number == EXDEV, resisting < Self.patience
                else {
                    backlog.insert(name)
                    throw error
                }
                // It alone cannot be moved: those behind it do not wait. The next scan finds it again.
                if complaints.insert("\(name)").inserted {
                    store.logger.warning(
                        "Message not claimed",
                        metadata: ["spool.queue": "\(queue.name)", "spool.file": "\(name)", "error": "\(error)"])
                }
            }
            if backlog.needsScan { try rescan() }
        }
        return nil
    }

    private func claim(_ name: MessageName) throws(FileError) -> Claim? {
        if name.isExpired(at: Timestamp.now.milliseconds) {
            try queue.ready.unlink("\(name)")
            queue.release(bytes: name.size)
            return nil
        }
        var taken = name
        taken.attempt += 1
        let file = "\(ClaimName(message: taken, owner: store.owner.name))"
        // The attempt is counted by the claim itself: no crash can lose the count.
        try queue.ready.rename("\(name)", to: queue.claimed, as: file)
        if name.attempt >= store.configuration.maximumAttempts {
            try bury(file, name, "It was delivered \(name.attempt) times and never settled.")
            return nil
        }
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try queue.claimed.contents(
                of: file, size: name.size, limit: store.configuration.maximumMessageBytes)
        } catch {
            if error.isNotFound { throw error }
            if error.isOurWant {
                // Our want, not the message's fault.
                try? queue.claimed.rename(file, to: queue.ready, as: "\(name)")
                throw error
            }
            try bury(file, taken, "The file cannot be read: \(error).")
            return nil
        }
        do throws(MessageFile.Malformed) {
            return Claim(message: try MessageFile(decoding: bytes).message, name: taken)
        } catch let malformed {
            try bury(file, taken, "The file is no message: \(malformed)")
            return nil
        }
    }

    private func bury(_ file: String, _ name: MessageName, _ reason: String) throws(FileError) {
        do throws(FileError) {
            try move(file, name, reason)
        } catch {
            // It is tried again with the next look at everything, by whomever.
            try? queue.claimed.rename(file, to: queue.ready, as: "\(name)")
            throw error
        }
    }

    private func move(_ file: String, _ name: MessageName, _ reason: String) throws(FileError) {
        if try store.bury(file, in: queue.claimed, as: "\(name)", queue: queue.name, reason: reason) {
            queue.release(bytes: name.size)
        }
    }

    package func settle(_ claim: Claim, _ settlement: Settlement) throws(FileError) {
        switch settlement {
        case .accept:
            try acceptance(of: claim)()
        case .requeue:
            try giveBack(claim, as: claim.name)
        case .release:
            try giveBack(claim, as: claim.name.released)
        case .discard(let reason):
            try bury("\(ClaimName(message: claim.name, owner: store.owner.name))", claim.name, reason)
        }
    }

    package func withdraw(_ claim: Claim) throws(FileError) {
        var name = claim.name
        name.attempt -= 1
        try giveBack(claim, as: name)
    }

    private func giveBack(_ claim: Claim, as name: MessageName) throws(FileError) {
        let file = "\(ClaimName(message: claim.name, owner: store.owner.name))"
        try queue.claimed.rename(file, to: queue.ready, as: "\(name)")
        backlog.insert(name)
    }

    package func acceptance(of claim: Claim) -> Acceptance {
        let (queue, file) = (queue, "\(ClaimName(message: claim.name, owner: store.owner.name))")
        return { () throws(FileError) in
            try queue.claimed.unlink(file)
            queue.release(bytes: claim.name.size)
        }
    }

    package func close() {}
}
