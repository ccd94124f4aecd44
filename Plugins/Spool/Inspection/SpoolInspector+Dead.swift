public import SwitchboardCore

/// Messages that nobody took.
extension SpoolInspector {
    /// The names of the entries in `dead/`, sorted.
    public func deadLetterNames() throws(TransportError) -> [String] {
        do throws(FileError) {
            return try store.dead.names().filter { !$0.hasSuffix(".reason") }.sorted()
        } catch {
            throw failed("read", error)
        }
    }

    /// The dead messages, sorted by name; at most `limit` of them.
    public func deadLetters(limit: Int = .max) throws(TransportError) -> [StoredMessage] {
        try deadLetterNames().prefix(limit).map { letter($0) }
    }

    func letter(_ name: String) -> StoredMessage {
        let facts = facts(of: name)
        return StoredMessage(
            name: name, queue: facts["Queue"] ?? "", attempts: MessageName(base(name))?.attempt ?? 0,
            reason: facts["Reason"], message: deadMessage(name))
    }

    /// A message, or a segment, which ends with the group of messages that made it too long.
    private var largestLetter: Int {
        store.configuration.maximumMessageBytes + store.configuration.segmentBytes + SegmentWriter.groupBytes
    }

    /// The message of a letter that holds one.
    private func deadMessage(_ name: String) -> Message? {
        guard let bytes = try? store.dead.contents(of: name, limit: largestLetter) else { return nil }
        let messages = Salvage(bytes).messages
        return messages.count == 1 ? messages.first?.message : nil
    }

    /// Puts a dead message back into its queue as a new one: at the end, with no attempts. From damaged bytes or a
    /// whole segment, puts back each intact message; the rest stays in `dead/` under another name.
    ///
    /// Throws `invalidAddress` if its queue doesn't exist, or if it contains no message. A crash meanwhile leaves the
    /// message in both places.
    public func retry(_ letter: String) throws(TransportError) {
        guard try isDead(letter) else {
            throw TransportError(.invalidAddress, "There is no \"\(letter)\" in dead/.")
        }
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try store.dead.contents(of: letter, limit: largestLetter)
        } catch {
            throw error.transportError("\"\(letter)\" in dead/ cannot be read, so it cannot be retried")
        }
        let salvage = Salvage(bytes)
        guard !salvage.messages.isEmpty else {
            let reason = salvage.defect.map { ": \($0)" } ?? "."
            throw TransportError(
                .invalidAddress,
                "The file \(letter) in dead/ is no message and holds none, so it cannot be retried\(reason)")
        }
        let queue = facts(of: letter)["Queue"].flatMap { QueueName(encoded: $0) }
        var targets: [(name: QueueName, message: Message)] = []
        for file in salvage.messages {
            // A message knows where it was sent to, should the reason have been lost.
            guard let name = queue ?? QueueName(encoded: file.queue), !name.isEphemeral else {
                throw TransportError(
                    .invalidAddress,
                    "The dead message \(letter) belongs to no queue that exists without its subscribers.")
            }
            targets.append((name, file.message))
        }
        let presence = try presence()
        for target in targets { try presence.publisher.put(target.message, in: target.name) }
        if !salvage.rest.isEmpty, let name = targets.first?.name {
            do throws(FileError) {
                try presence.store.bury(
                    salvage.rest, as: "\(letter).rest", queue: name,
                    reason: "What was left of \(letter) when the messages in it were taken back.")
            } catch {
                throw failed("changed", error)
            }
        }
        try removeDead(letter)
    }

    /// Removes a message for good: a dead one with its reason, or a waiting one.
    ///
    /// Throws `invalidAddress` if there is no such message; it may have been delivered meanwhile.
    public func drop(_ name: String) throws(TransportError) {
        if try isDead(name) { return try removeDead(name) }
        let presence = try presence()
        let isDropped: Bool
        do throws(FileError) {
            isDropped = try dropWaiting(name, from: presence.store)
        } catch {
            throw failed("changed", error)
        }
        guard isDropped else {
            throw TransportError(.invalidAddress, "There is no message \"\(name)\", neither dead nor waiting.")
        }
    }

    private func removeDead(_ letter: String) throws(TransportError) {
        let presence = try presence()
        presence.store.removeTree(letter, in: store.dead)
        do throws(FileError) {
            // Whatever resisted says so here.
            if try store.dead.contains(letter) { try store.dead.unlink(letter) }
        } catch {
            throw failed("changed", error)
        }
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
