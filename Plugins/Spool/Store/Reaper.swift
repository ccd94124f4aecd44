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
            } catch {
                // One that is no owner's file says nothing about the others.
                if error.isOurWant { throw error }
                if !error.isNotFound { report("Owner of a spool not looked at", name, error) }
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
            } catch {
                // One that is not there, or not whole, says nothing about the others.
                guard !error.isNotFound else { continue }
                logger.warning(
                    "Claims of dead processes not given back",
                    metadata: ["spool.queue": "\(name)", "error": "\(error)"])
            }
        }
        clearTemporary(isDead)
        for (name, _) in dead {
            try? owners.unlink(name)
            logger.info("Claims of a dead process given back", metadata: ["spool.owner": "\(name)"])
        }
    }

    private func report(_ what: Logger.Message, _ file: String, _ error: FileError) {
        logger.warning(what, metadata: ["spool.file": "\(file)", "error": "\(error)"])
    }

    private func clearTemporary(_ isDead: (String) -> Bool) {
        for text in (try? temporary.names()) ?? [] {
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
                } catch {
                    // Readers find out what is wrong with it; the others do not wait for that.
                    if !error.isNotFound { report("Segment of a dead process not closed", text, error) }
                }
            }
            return
        }
        let claimed = try directory.directory("claimed")
        let ready = try directory.directory("new")
        for text in try claimed.names() {
            do throws(FileError) {
                guard let claim = ClaimName(text) else {
                    let reason = "The file in claimed/ has a name of no message."
                    try bury(text, in: claimed, as: text, queue: name, reason: reason)
                    continue
                }
                guard isDead(claim.owner) else { continue }
                try claimed.rename(text, to: ready, as: "\(claim.message)")
            } catch {
                if !error.isNotFound { report("Claim of a dead process not given back", text, error) }
            }
        }
    }
}
