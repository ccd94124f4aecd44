public import SwitchboardCore

/// Messages that nobody took.
extension SpoolInspector {
    /// The names of what lies in `dead/`, sorted.
    public func deadLetterNames() throws(TransportError) -> [String] {
        do throws(FileError) {
            return try store.dead.names().filter { !$0.hasSuffix(".reason") }.sorted()
        } catch {
            throw failed("read", error)
        }
    }

    /// What lies in `dead/`, sorted by name; at most `limit` of them.
    public func deadLetters(limit: Int = .max) throws(TransportError) -> [StoredMessage] {
        try deadLetterNames().prefix(limit).map { letter($0) }
    }

    func letter(_ name: String) -> StoredMessage {
        let facts = facts(of: name)
        return StoredMessage(
            name: name, queue: facts["Queue"] ?? "", attempts: MessageName(base(name))?.attempt ?? 0,
            reason: facts["Reason"], message: read(name, in: store.dead))
    }

    /// Puts a dead message back into its queue, as new: at the end, with no attempts counted.
    ///
    /// Throws `invalidAddress` when it has no queue or is no message. At least once: a crash in between leaves it in both
    /// places.
    public func retry(_ letter: String) throws(TransportError) {
        guard try isDead(letter) else {
            throw TransportError(.invalidAddress, "There is no \"\(letter)\" in dead/.")
        }
        guard let name = facts(of: letter)["Queue"].flatMap({ QueueName(encoded: $0) }), !name.isEphemeral else {
            throw TransportError(
                .invalidAddress, "The dead message \(letter) belongs to no queue that exists without its subscribers.")
        }
        guard let message = read(letter, in: store.dead) else {
            throw TransportError(.invalidAddress, "The file \(letter) in dead/ is no message, so it cannot be retried.")
        }
        try publisher.put(message, in: name)
        removeDead(letter)
    }

    /// Removes a message for good: a dead one with its reason, or one that waits.
    ///
    /// Throws `invalidAddress` when there is none of that name: it may have been delivered meanwhile.
    public func drop(_ name: String) throws(TransportError) {
        if try isDead(name) { return removeDead(name) }
        let isDropped: Bool
        do throws(FileError) {
            isDropped = try dropWaiting(name)
        } catch {
            throw failed("changed", error)
        }
        guard isDropped else {
            throw TransportError(.invalidAddress, "There is no message \"\(name)\", neither dead nor waiting.")
        }
    }

    private func removeDead(_ letter: String) {
        store.removeTree(letter, in: store.dead)
        try? store.dead.unlink("\(letter).reason")
    }

    private func isDead(_ letter: String) throws(TransportError) -> Bool {
        guard isFileName(letter), !letter.hasSuffix(".reason") else { return false }
        do throws(FileError) {
            return try store.dead.contains(letter)
        } catch {
            throw failed("read", error)
        }
    }

    private func facts(of letter: String) -> [String: String] {
        guard let bytes = try? store.dead.contents(of: "\(letter).reason", limit: 1 << 16) else { return [:] }
        var facts: [String: String] = [:]
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { facts[String(parts[0])] = String(parts[1].drop { $0 == " " }) }
        }
        return facts
    }

    /// Without what makes a name free in `dead/`.
    private func base(_ name: String) -> Substring {
        name.prefix { $0 != "~" }
    }
}
