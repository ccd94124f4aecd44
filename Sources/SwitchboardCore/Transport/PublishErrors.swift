/// The sentences for publishes and subscriptions that fail without their connection's doing.
struct PublishErrors: Sendable {
    typealias Instant = Moment

    /// The URL, with its passwords masked.
    let url: String

    /// What those wait for that aren't sent yet.
    enum Waiting {
        case forConnection
        case forWindow
        /// For the connection that has it, and has not begun to send it.
        case forSending
        case blocked(String)
    }

    // MARK: Out of time

    func unsent(_ record: PublishRecord, _ waiting: Waiting, _ now: Instant, _ state: TransportState) -> TransportError
    {
        let (address, waited) = (record.address, record.waited(until: now))
        if record.wasSent {
            return TransportError(
                .indeterminate,
                "A message to \(address) was sent, and the connection was lost before it was confirmed; it could not be "
                    + "sent again within \(waited): \(url) is \(state).")
        }
        switch waiting {
        case .forConnection:
            return TransportError(
                .unavailable,
                "A message to \(address) was not sent: it waited \(waited) for a connection, and \(url) is \(state).")
        case .forWindow:
            return TransportError(
                .exhausted,
                "A message to \(address) was not sent: it waited \(waited) behind other messages that are not confirmed, "
                    + "and \(url) is \(state).")
        case .forSending:
            return TransportError(
                .unavailable,
                "A message to \(address) was not sent: its connection did not come to it within \(waited), and \(url) is "
                    + "\(state).")
        case .blocked(let reason):
            return TransportError(
                .exhausted,
                "A message to \(address) was not sent: it waited \(waited), and \(url) takes no messages (\(reason)).")
        }
    }

    func unconfirmed(_ record: PublishRecord, _ now: Instant, _ state: TransportState) -> TransportError {
        TransportError(
            .indeterminate,
            "A message to \(record.address) was sent and not confirmed within \(record.waited(until: now)): \(url) is "
                + "\(state).")
    }

    /// What the connection has said of it.
    func held(
        _ record: PublishRecord, _ reason: TransportError, _ now: Instant, _ state: TransportState
    ) -> TransportError {
        var error = reason
        let sentence = reason.message.hasSuffix(".") ? String(reason.message.dropLast()) : reason.message
        error.message = "\(sentence); it has waited \(record.waited(until: now)), and \(url) is \(state)."
        return afterSending(record, error)
    }

    // MARK: Otherwise

    /// What may be said of a publish that an earlier try may have sent: that it may have been taken, however sending it
    /// again ended.
    func afterSending(_ record: PublishRecord, _ error: TransportError) -> TransportError {
        guard record.wasSent, error.code != .indeterminate else { return error }
        return TransportError(
            .indeterminate,
            "A message to \(record.address) was sent and not confirmed, and sending it again failed: \(error.message)",
            cause: error)
    }

    func lost(_ record: PublishRecord, _ reason: String) -> TransportError {
        TransportError(
            .indeterminate,
            "A message to \(record.address) was sent, and the connection to \(url) was lost before it was confirmed: "
                + "\(reason).")
    }

    func cancelled(_ record: PublishRecord, wasSent: Bool) -> TransportError {
        wasSent
            ? TransportError(
                .indeterminate,
                "The task was cancelled when a message to \(record.address) was sent and not yet confirmed.")
            : TransportError(.cancelled, "The task was cancelled before a message to \(record.address) was sent.")
    }

    func tooMany(_ record: PublishRecord, _ limit: Int, _ state: TransportState) -> TransportError {
        TransportError(
            .exhausted,
            "A message to \(record.address) was not sent: \(limit) messages wait already, and \(url) is \(state).")
    }

    // MARK: Subscriptions

    func notLive(
        _ address: Address, waited: Duration, _ reason: String?, _ state: TransportState
    ) -> TransportError {
        let last = reason.map { " (last reason: \($0))" } ?? ""
        return TransportError(
            .unavailable,
            "The subscription to \(address) was not live within \(waited.inSeconds)\(last): \(url) is \(state).")
    }

    func cancelled(_ address: Address) -> TransportError {
        TransportError(.cancelled, "The task was cancelled before the subscription to \(address) was live.")
    }
}

extension PublishRecord {
    fileprivate func waited(until now: Instant) -> String {
        started.duration(to: now).inSeconds
    }
}

extension Duration {
    /// `2.5 s`
    package var inSeconds: String {
        let tenths = Int64((self / .milliseconds(100)).rounded())
        return "\(tenths / 10).\(abs(tenths % 10)) s"
    }
}
