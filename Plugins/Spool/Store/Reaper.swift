internal import Logging

/// Clearing up after owners that died.
extension SpoolStore {
    /// Gives back what dead owners claimed and removes what they left half-made: of one owner, or of all there are.
    ///
    /// Several processes may do this at once: whoever takes a dead owner's lock does it for that owner. Every step may be
    /// repeated, so a reaper that dies in the middle leaves the rest to the next.
    package func reap(_ candidates: [String]? = nil) throws(FileError) {
        var dead: [String: OpenFile] = [:]
        defer { for file in dead.values { file.closeQuietly() } }
        let names = if let candidates { candidates } else { try owners.names() }
        for name in names where name != owner.name {
            do throws(FileError) {
                if let file = try Owner.lockDead(name, in: owners) { dead[name] = file }
            } catch  where error.isNotFound {
                continue
            }
        }
        // At start also what belongs to owners without a file: left when a reaper died between its last two steps.
        let includesUnknown = candidates == nil
        if dead.isEmpty && !includesUnknown { return }
        let isDead = { (name: String) -> Bool in
            if dead[name] != nil { return true }
            if !includesUnknown || name == self.owner.name { return false }
            return (try? self.owners.contains(name)) == false
        }
        for name in try queueNames() {
            do throws(FileError) {
                try giveBack(name, isDead)
            } catch  where !error.isNotFound {
                logger.warning(
                    "Claims of dead processes not given back",
                    metadata: ["spool.queue": "\(name)", "error": "\(error)"])
            }
        }
        for text in try temporary.names() {
            if text.hasPrefix("owner@") {
                // Somebody who is arriving has no file among the owners yet; the lock alone tells.
                if let file = try? Owner.lockDead(text, in: temporary) {
                    try? temporary.unlink(text)
                    file.closeQuietly()
                }
            } else if let at = text.lastIndex(of: "@"), isDead(String(text[text.index(after: at)...])) {
                removeTree(text, in: temporary)
            }
        }
        for (name, _) in dead {
            try? owners.unlink(name)
            logger.info("Claims of a dead process given back", metadata: ["spool.owner": "\(name)"])
        }
    }

    private func giveBack(_ name: QueueName, _ isDead: (String) -> Bool) throws(FileError) {
        let directory = try queues.directory(name.directoryName)
        let consumers = try directory.directory("consumers")
        var living = 0
        for marker in try consumers.names() {
            let owner = marker.prefix { $0 != "~" }
            if isDead(String(owner)) {
                try? consumers.unlink(marker)
            } else {
                living += 1
            }
        }
        if name.isEphemeral, living == 0 {
            return removeEphemeral(name)
        }
        if layout == .segment {
            let segments = try directory.directory("segments")
            for text in try segments.names() where SegmentFile.isSegment(text) && isDead(SegmentFile.owner(of: text)) {
                do throws(FileError) {
                    try SegmentFile.recover(text, in: segments, durable: isDurable && !name.isEphemeral)
                } catch  where error.isNotFound {
                    continue
                }
            }
            return
        }
        let claimed = try directory.directory("claimed")
        let ready = try directory.directory("new")
        for text in try claimed.names() {
            guard let claim = ClaimName(text) else {
                try bury(
                    text, in: claimed, as: text, queue: name, reason: "The file in claimed/ has a name of no message.")
                continue
            }
            guard isDead(claim.owner) else { continue }
            do throws(FileError) {
                try claimed.rename(text, to: ready, as: "\(claim.message)")
            } catch  where error.isNotFound {
                continue
            }
        }
    }
}
