import SwitchboardCore

/// How a caller that stops waiting reaches the one who works on its call.
///
/// A request may be taken by any server of a topic, so its sender does not know whom to tell. A server that has worked on
/// a call for ``delay`` tells the caller where it can be reached: a message of neither result nor failure that is not the
/// last one, with the name of its own mailbox. Only callers that sent a deadline get it: those are of Switchboard, and
/// would take it for a keepalive otherwise. A caller that stopped waiting, before or after, answers with a cancellation.
///
/// All best effort: no message of these is repeated, and short calls cost nothing.
final class WorkAnnouncements: Sendable {
    /// How long a server works before it says so.
    static let delay: Duration = .milliseconds(250)

    /// A message to somebody's mailbox.
    struct Outgoing: Sendable {
        let mailbox: Mailbox
        let reply: OsloReply
        /// Whether the one who gets it can answer, so that our mailbox has to be open.
        let announcesMailbox: Bool
    }

    private struct Work {
        let cancel: @Sendable () -> Void
        /// The alarm for its deadline.
        let alarm: DeadlineScheduler.Token
    }

    let outgoing: AsyncStream<Outgoing>
    private let source: AsyncStream<Outgoing>.Continuation
    /// What has been announced and is not over.
    private let announced = Locked<[IDFingerprint: Work]>([:])
    private let mailbox: Mailbox

    init(mailbox: Mailbox) {
        self.mailbox = mailbox
        (outgoing, source) = AsyncStream.makeStream(of: Outgoing.self, bufferingPolicy: .bufferingNewest(1024))
    }

    // MARK: The server's side

    /// Tells the caller of `id` where the work on it can be cancelled.
    ///
    /// - Parameter alarm: goes with the work; see ``end(_:)``.
    func announce(
        _ id: WireID, to caller: Mailbox, alarm: DeadlineScheduler.Token, cancel: @escaping @Sendable () -> Void
    ) {
        announced.withLock { $0[IDFingerprint(id)] = Work(cancel: cancel, alarm: alarm) }
        let reply = OsloReply(
            result: .null, ending: false, callID: id, sendingID: .random(), worker: mailbox.name)
        source.yield(Outgoing(mailbox: caller, reply: reply, announcesMailbox: true))
    }

    /// The work on `id` is over. Returns the alarm of one that had been announced.
    @discardableResult
    func end(_ id: WireID) -> DeadlineScheduler.Token? {
        announced.withLock { $0.removeValue(forKey: IDFingerprint(id))?.alarm }
    }

    /// The caller of `id` does not wait any more.
    func cancel(_ id: WireID) {
        let cancel = announced.withLock { $0[IDFingerprint(id)]?.cancel }
        cancel?()
    }

    // MARK: The caller's side

    /// Tells the one who works on `id` that nobody waits for it.
    func sendCancellation(of id: WireID, to worker: String) {
        let reply = OsloReply(
            result: .null, ending: true, callID: id, sendingID: .random(), isCancellation: true)
        source.yield(Outgoing(mailbox: Mailbox(named: worker), reply: reply, announcesMailbox: false))
    }
}
