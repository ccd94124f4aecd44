internal import Glibc
internal import Logging

/// The directory `dead`: messages that nobody takes, each beside a file that says why.
extension SpoolStore {
    /// Moves a file of a queue to `dead`. Whether it was there to move: another process may have been faster.
    ///
    /// The reason is written first. It is worth less than the move: on a full disk the message still goes, without it.
    @discardableResult
    package func bury(
        _ name: String, in directory: Directory, as message: String, queue: QueueName, reason: String
    ) throws(FileError) -> Bool {
        let resting = try restingName(message)
        writeReason(resting, queue: queue, reason: reason)
        do throws(FileError) {
            try directory.rename(name, to: dead, as: resting)
        } catch {
            try? dead.unlink("\(resting).reason")
            // Not there: the message, or `dead` itself?
            try deadPlace()
            if error.isNotFound { return false }
            throw error
        }
        logger.warning(
            "Message dead-lettered",
            metadata: ["spool.queue": "\(queue)", "spool.file": "\(resting)", "reason": "\(reason)"])
        return true
    }

    /// Writes bytes that lay in a segment to `dead`.
    package func bury(
        _ bytes: [UInt8], as message: String, queue: QueueName, reason: String
    ) throws(FileError) {
        let resting = try restingName(message)
        writeReason(resting, queue: queue, reason: reason)
        let made = temporaryName("dead")
        try temporary.write(made, bytes, durable: isDurable)
        try temporary.rename(made, to: dead, as: resting)
        if isDurable { try dead.synchronize() }
        logger.warning(
            "Message dead-lettered",
            metadata: ["spool.queue": "\(queue)", "spool.file": "\(resting)", "reason": "\(reason)"])
    }

    /// ESTALE when `dead` is not where it should be.
    private func deadPlace() throws(FileError) {
        if let defect { throw FileError(defect.operation, ESTALE) }
    }

    /// A name that is free in `dead`: copies of one message come from several queues.
    private func restingName(_ message: String) throws(FileError) -> String {
        var base = message
        if base.utf8.count > 200 { base = String(decoding: Array(base.utf8.prefix(200)), as: UTF8.self) }
        if try !dead.contains(base) { return base }
        return "\(base)~\(temporaryName("copy"))"
    }

    private func writeReason(_ name: String, queue: QueueName, reason: String) {
        let line = reason.split(whereSeparator: \.isNewline).joined(separator: " ")
        let text = "Reason: \(line)\nQueue: \(queue.encoded)\nSince: \(Timestamp.now)\nBy: \(owner.name)\n"
        do throws(FileError) {
            try dead.replace(
                "\(name).reason", with: Array(text.utf8), through: temporary, temporaryName: temporaryName("reason"),
                durable: false)
        } catch {
            logger.warning(
                "Reason of a dead letter not written",
                metadata: ["spool.file": "\(name)", "reason": "\(line)", "error": "\(error)"])
        }
    }
}
