import Logging
import SwitchboardCore

/// Sends replies to callers' mailboxes.
///
/// A mailbox may be gone for a moment, while its owner reconnects: a reply is tried again for a bounded time. A mailbox
/// that did not come back is remembered, so that further replies to it are tried once (oslo-wire.md §4.3), and forgotten when
/// one of them arrives.
final class RPCReplySender: Sendable {
    /// Where the replies to one request go.
    struct Destination: Sendable {
        let mailbox: Mailbox
        let messageID: JSONValue

        /// `nil` when the request wants no reply.
        init?(_ request: OsloRequest) {
            guard let messageID = request.messageID, messageID != .null, messageID != .string(""),
                let queue = request.replyQueue, !queue.isEmpty
            else { return nil }
            self.mailbox = Mailbox(named: queue)
            self.messageID = messageID
        }
    }

    /// The last word on one request.
    struct Reply: Sendable {
        fileprivate let wire: OsloReply
        fileprivate let destination: Destination

        init(_ result: JSONValue, to destination: Destination) {
            self.init(OsloReply(result: result, ending: true, messageID: destination.messageID), to: destination)
        }

        init(failure: RemoteError, to destination: Destination) {
            self.init(
                OsloReply(
                    result: .null, failure: OsloFailure(failure), ending: true, messageID: destination.messageID),
                to: destination)
        }

        private init(_ wire: OsloReply, to destination: Destination) {
            self.wire = wire
            self.destination = destination
        }
    }

    private static let retryPause: Duration = .milliseconds(250)
    private static let publishTimeout: Duration = .seconds(30)

    private let transport: Transport
    private let retryDuration: Duration
    private let metrics: RPCMetrics
    private let logger: Logger
    private let goneMailboxes = RecentIDs(capacity: 200, lifetime: .seconds(60))

    init(transport: Transport, retryDuration: Duration, metrics: RPCMetrics, logger: Logger) {
        self.transport = transport
        self.retryDuration = retryDuration
        self.metrics = metrics
        self.logger = logger
    }

    /// Runs `body`, and tells the caller every `interval` that it is still at work. A keepalive that cannot be sent
    /// ends the keepalives, not the work.
    func keepingAlive<Result: Sendable>(
        _ destination: Destination, every interval: Duration, _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                while !Task.isCancelled {
                    try? await Task.sleep(for: interval)
                    guard !Task.isCancelled else { break }
                    do {
                        try await self.publish(
                            OsloReply(result: .null, ending: false, messageID: destination.messageID), to: destination)
                    } catch {
                        self.logger.debug("Keepalives stopped", metadata: ["error": "\(error)"])
                        break
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
        fileprivate let reply: Reply
        fileprivate let error: TransportError
        /// When its time is over.
        fileprivate let end: ContinuousClock.Instant
    }

    /// Sends a reply. Returns it when its mailbox is gone and it may be sent again, by ``sendAgain(_:in:)``; one that
    /// cannot be sent is dropped.
    func send(_ reply: Reply) async -> Unsent? {
        let end = ContinuousClock.now + retryDuration
        do {
            try await publish(reply.wire, to: reply.destination)
            noteSent(reply)
            return nil
        } catch {
            return unsent(reply, error, end)
        }
    }

    /// As ``send(_:)`` and ``sendAgain(_:in:)``, with no task that waits for it unless it has to be sent again.
    ///
    /// - Parameter place: left when it is sent or dropped, or waits to be sent again.
    func send(_ reply: Reply, in place: HandlerTasks.Place) {
        let end = ContinuousClock.now + retryDuration
        do throws(TransportError) {
            _ = try transport.publish(
                reply.wire.message(uniqueID: UniqueID.make()), to: .mailbox(reply.destination.mailbox),
                deadline: .now + Self.publishTimeout, mandatory: true, allowsDuplicates: true
            ) { error in
                guard let error else {
                    self.noteSent(reply)
                    return place.leave()
                }
                guard let unsent = self.unsent(reply, error, end) else { return place.leave() }
                self.sendAgain(unsent, in: place)
            }
        } catch {
            drop(reply, error)
            place.leave()
        }
    }

    /// Sends a reply again for as long as its mailbox is gone and its time is not over. That takes no place: callers that
    /// are gone must not keep others from being served.
    func sendAgain(_ unsent: Unsent, in place: HandlerTasks.Place) {
        if place.leave(forLater: { await self.sendAgain(unsent) }) { return }
        drop(unsent.reply, unsent.error)
        place.leave()
    }

    private func sendAgain(_ unsent: Unsent) async {
        var error = unsent.error
        while error.code == .unroutable, .now + Self.retryPause < unsent.end, !Task.isCancelled {
            try? await Task.sleep(for: Self.retryPause)
            do throws(TransportError) {
                try await publish(unsent.reply.wire, to: unsent.reply.destination)
                return noteSent(unsent.reply)
            } catch let failure {
                error = failure
            }
        }
        drop(unsent.reply, error)
    }

    /// What was not sent, when it is worth another attempt. To a mailbox that has been gone for all of that time once, each
    /// reply has one.
    private func unsent(_ reply: Reply, _ error: TransportError, _ end: ContinuousClock.Instant) -> Unsent? {
        guard error.code == .unroutable, !goneMailboxes.contains(reply.destination.mailbox.name) else {
            drop(reply, error)
            return nil
        }
        return Unsent(reply: reply, error: error, end: end)
    }

    private func noteSent(_ reply: Reply) {
        let mailbox = reply.destination.mailbox.name
        if goneMailboxes.contains(mailbox) { goneMailboxes.remove(mailbox) }
    }

    private func drop(_ reply: Reply, _ error: TransportError) {
        metrics.droppedReply()
        let mailbox = reply.destination.mailbox.name
        let isNews = error.code != .unroutable || goneMailboxes.insert(mailbox)
        logger.log(
            level: isNews ? .warning : .debug, "Reply dropped",
            metadata: ["mailbox": "\(mailbox)", "error": "\(error)"])
    }

    private func publish(_ reply: OsloReply, to destination: Destination) async throws(TransportError) {
        try await transport.publish(
            reply.message(uniqueID: UniqueID.make()), to: .mailbox(destination.mailbox),
            deadline: .now + Self.publishTimeout,
            mandatory: true, allowsDuplicates: true)
    }
}
