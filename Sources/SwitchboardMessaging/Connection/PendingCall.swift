import SwitchboardCore

/// A call from its request to its outcome.
///
///     expected ──awaited──▶ waits ──▶ over
///         └──ended──▶ ended ──awaited──▶ over
// Unchecked, as what may change is guarded by a lock that isn't its own: that of `calls`.
final class PendingCall: @unchecked Sendable {
    enum Standing {
        /// Its caller doesn't wait yet.
        case expected
        case waits(UnsafeContinuation<OsloReply, any Error>)
        /// What came before its caller waited.
        case ended(Result<OsloReply, any Error>)
        case over
    }

    let high: UInt64
    let low: UInt64
    let deadline: Moment
    let keepaliveInterval: Duration?
    let observation: SendingObservation?
    private let calls: PendingCalls

    // Sound: all below is touched with the lock of `calls` held, so no two accesses overlap.
    @exclusivity(unchecked) var standing = Standing.expected
    /// When it has been silent for too long: its deadline, without keepalives.
    @exclusivity(unchecked) var limit: Moment
    /// Whether it is not known yet that it was sent. A failure to do so says more than that time is over.
    @exclusivity(unchecked) var isSending: Bool
    @exclusivity(unchecked) var isOverdue = false
    /// The last result or failure of messages that said that more was to come (oslo-wire.md §4.1).
    @exclusivity(unchecked) var partial: OsloReply?
    /// The mailbox of the server that said that it works on the call.
    @exclusivity(unchecked) var worker: String?

    init(
        _ high: UInt64, _ low: UInt64, deadline: Moment, limit: Moment, keepaliveInterval: Duration?, isSending: Bool,
        observation: SendingObservation?, calls: PendingCalls
    ) {
        (self.high, self.low, self.deadline, self.limit) = (high, low, deadline, limit)
        (self.keepaliveInterval, self.isSending) = (keepaliveInterval, isSending)
        (self.observation, self.calls) = (observation, calls)
    }

    var id: WireID { .digits(high: high, low: low) }

    /// How sending it went; its reply may have come before.
    func sent(_ error: TransportError?) {
        observation?.ended(error)
        calls.sent(self, error)
    }

    /// Something of it has come.
    ///
    /// - Returns: its reply, if that was the end.
    func received(_ reply: OsloReply) -> OsloReply? {
        let carriesValue = reply.failure != nil || reply.result != .null
        if reply.ending {
            var last = carriesValue ? reply : partial ?? reply
            if !last.ending { last.ending = true }
            return last
        }
        if carriesValue { partial = reply }
        if let worker = reply.worker { self.worker = worker }
        if let keepaliveInterval { limit = max(limit, min(deadline, .now + keepaliveInterval)) }
        return nil
    }
}
