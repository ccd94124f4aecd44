import Logging
import SwitchboardCore

/// Sends replies to callers' mailboxes.
///
/// A mailbox may be gone for a moment, while its owner reconnects: a reply is tried again for a bounded time. A mailbox
/// that did not come back is remembered, so that further replies to it are tried once (oslo-wire.md §4.3), and forgotten when
/// one of them arrives.
final class RPCReplySender: Sendable {
    private static let retryPause: Duration = .milliseconds(250)
    private static let publishTimeout: Duration = .seconds(30)

    private let transport: Transport
    private let retryDuration: Duration
    private let metrics: RPCMetrics
    private let logger: Logger
    private let goneMailboxes = Locked(RecentIDs(capacity: 200, lifetime: .seconds(60)))

    init(transport: Transport, retryDuration: Duration, metrics: RPCMetrics, logger: Logger) {
        self.transport = transport
        self.retryDuration = retryDuration
        self.metrics = metrics
        self.logger = logger
    }

    /// Runs `body`, and tells the caller every `interval` that it is still at work. A keepalive that cannot be sent
    /// ends neither the work nor those after it, as its mailbox may be gone only for a moment.
    func keepingAlive<Result: Sendable>(
        _ destination: RPCReply.Destination, every interval: Duration,
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                while !Task.isCancelled {
                    try? await Task.sleep(for: interval)
                    guard !Task.isCancelled else { break }
                    do {
                        try await self.publish(
                            OsloReply(result: .null, ending: false, callID: destination.callID), to: destination)
                    } catch {
                        self.logger.debug(
                            "Keepalive not sent",
                            metadata: ["mailbox": "\(destination.mailbox.name)", "error": "\(error)"])
                    }
                }
                return nil
            }
            defer { group.cancelAll() }
            while let outcome = try await group.next() {
                if let outcome { return outcome }
            }
            throw CancellationError()
        }
    }

    /// A reply whose mailbox is gone, perhaps for a moment.
    struct Unsent: Sendable {
        fileprivate let reply: RPCReply
        fileprivate let error: TransportError
        /// When its time is over.
        fileprivate let end: Moment
    }

    /// Sends a reply. Returns it when its mailbox is gone and it may be sent again, by ``sendAgain(_:holding:)``. In place of one
    /// that cannot be sent goes an error that says so, as its caller would wait for it.
    func send(_ reply: RPCReply) async -> Unsent? {
        let end = Moment.now + retryDuration
        var reply = reply
        while true {
            do {
                try await publish(reply.wire, to: reply.destination)
                noteSent(reply)
                return nil
            } catch {
                guard let next = replacement(of: reply, error) else { return unsent(reply, error, end) }
                reply = next
            }
        }
    }

    /// As ``send(_:)`` and ``sendAgain(_:holding:)``, with no task that waits for it unless it has to be sent again.
    ///
    /// - Parameter permit: released when it is sent or dropped, or waits to be sent again.
    func send(_ reply: RPCReply, holding permit: consuming HandlerTasks.Permit) {
        let now = Moment.now
        send(reply, at: now, until: now + retryDuration, permit)
    }

    private func send(
        _ reply: RPCReply, at now: Moment, until end: Moment,
        _ permit: consuming HandlerTasks.Permit
    ) {
        // If permits are scarce, a request may be waiting for this one.
        let isAwaited = permit.isScarce
        let deposit = permit.deposited()
        do throws(TransportError) {
            _ = try transport.publish(
                reply.wire.message(sendingID: .random()), to: .mailbox(reply.destination.mailbox),
                until: now + Self.publishTimeout, mandatory: true, allowsDuplicates: true, isAwaited: isAwaited
            ) { error in
                let permit = deposit.taken()
                guard let error else {
                    self.noteSent(reply)
                    return permit.release()
                }
                self.failed(reply, error, end, permit)
            }
        } catch {
            failed(reply, error, end, deposit.taken())
        }
    }

    private func failed(
        _ reply: RPCReply, _ error: TransportError, _ end: Moment,
        _ permit: consuming HandlerTasks.Permit
    ) {
        if let next = replacement(of: reply, error) { return send(next, at: .now, until: end, permit) }
        guard let unsent = unsent(reply, error, end) else { return permit.release() }
        sendAgain(unsent, holding: permit)
    }

    /// Sends a reply again for as long as its mailbox is gone and its time is not over. That takes no permit: callers that
    /// are gone must not keep others from being served.
    func sendAgain(_ unsent: Unsent, holding permit: consuming HandlerTasks.Permit) {
        if !permit.goOn({ await self.sendAgain(unsent) }) { drop(unsent.reply, unsent.error) }
        permit.release()
    }

    private func sendAgain(_ unsent: Unsent) async {
        var (reply, error) = (unsent.reply, unsent.error)
        while !Task.isCancelled {
            if isMailboxGone(error) {
                guard .now + Self.retryPause < unsent.end else { break }
                try? await Task.sleep(for: Self.retryPause)
            } else if let next = replacement(of: reply, error) {
                reply = next
            } else {
                break
            }
            do throws(TransportError) {
                try await publish(reply.wire, to: reply.destination)
                return noteSent(reply)
            } catch let failure {
                error = failure
            }
        }
        drop(reply, error)
    }

    /// What goes in place of a reply that cannot be sent; `nil` where nothing else can be sent either, or the reply itself
    /// may be sent later.
    private func replacement(of reply: RPCReply, _ error: TransportError) -> RPCReply? {
        switch error.ofLastAttempt.code {
        case .unroutable, .unavailable, .closed, .cancelled, .invalidAddress: return nil
        default: break
        }
        guard let next = reply.replacement(because: error.code) else { return nil }
        logger.warning(
            "Reply cannot be sent; its caller gets an error",
            metadata: ["mailbox": "\(reply.destination.mailbox.name)", "error": "\(error)"])
        return next
    }

    /// What was not sent, when it is worth another attempt. To a mailbox that has been gone for all of that time once, each
    /// reply has one.
    private func unsent(_ reply: RPCReply, _ error: TransportError, _ end: Moment) -> Unsent? {
        guard isMailboxGone(error), !isGone(reply.destination.mailbox) else {
            drop(reply, error)
            return nil
        }
        return Unsent(reply: reply, error: error, end: end)
    }

    /// Whether nothing has the mailbox. An attempt before the last one may have reached it, when its connection was lost;
    /// the reply goes again all the same, as only one is taken.
    private func isMailboxGone(_ error: TransportError) -> Bool { error.ofLastAttempt.code == .unroutable }

    private func noteSent(_ reply: RPCReply) {
        goneMailboxes.withLock { gone in
            // Mostly none is gone, and this is asked for each reply.
            if !gone.isEmpty { gone.remove(IDFingerprint(reply.destination.mailbox.name)) }
        }
    }

    private func isGone(_ mailbox: Mailbox) -> Bool {
        goneMailboxes.withLock { $0.contains(IDFingerprint(mailbox.name), at: .now) }
    }

    private func drop(_ reply: RPCReply, _ error: TransportError) {
        metrics.droppedReply()
        let mailbox = reply.destination.mailbox.name
        let isNews = !isMailboxGone(error) || goneMailboxes.withLock { $0.insert(IDFingerprint(mailbox), at: .now) }
        logger.log(
            level: isNews ? .warning : .debug, "Reply dropped",
            metadata: ["mailbox": "\(mailbox)", "error": "\(error)"])
    }

    private func publish(_ reply: OsloReply, to destination: RPCReply.Destination) async throws(TransportError) {
        try await transport.publish(
            reply.message(sendingID: .random()), to: .mailbox(destination.mailbox),
            until: .now + Self.publishTimeout,
            mandatory: true, allowsDuplicates: true)
    }
}
