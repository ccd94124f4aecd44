import Logging
import SwitchboardCore

/// Sends replies to callers' mailboxes.
///
/// A mailbox may be gone for a moment, while its owner reconnects: a reply is tried again for a bounded time. A mailbox
/// that did not come back is remembered, so that further replies to it cost nothing (oslo-wire.md §4.3).
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

    /// Sends a reply, again for a bounded time while its mailbox is gone. One that cannot be sent is dropped.
    func send(_ reply: Reply) async {
        guard isWanted(reply) else { return }
        let end = ContinuousClock.now + retryDuration
        do {
            try await publish(reply.wire, to: reply.destination)
        } catch {
            await sendAgain(reply, after: error, until: end)
        }
    }

    /// As ``send(_:)``, with no task that waits for it unless it has to be sent again.
    ///
    /// - Parameter place: left when it is sent or dropped.
    func send(_ reply: Reply, in place: HandlerTasks.Place) {
        guard isWanted(reply) else { return place.leave() }
        let end = ContinuousClock.now + retryDuration
        do throws(TransportError) {
            _ = try transport.publish(
                reply.wire.message(uniqueID: UniqueID.make()), to: .mailbox(reply.destination.mailbox),
                deadline: .now + Self.publishTimeout, mandatory: true, allowsDuplicates: true
            ) { error in
                guard let error else { return place.leave() }
                place.goOn {
                    await self.sendAgain(reply, after: error, until: end)
                    place.leave()
                }
            }
        } catch {
            drop(reply, error)
            place.leave()
        }
    }

    /// Sends a reply again whose mailbox was gone, for as long as it is and `end` has not come.
    private func sendAgain(_ reply: Reply, after error: TransportError, until end: ContinuousClock.Instant) async {
        var error = error
        while error.code == .unroutable, .now + Self.retryPause < end, !Task.isCancelled {
            try? await Task.sleep(for: Self.retryPause)
            do throws(TransportError) {
                return try await publish(reply.wire, to: reply.destination)
            } catch let failure {
                error = failure
            }
        }
        drop(reply, error)
    }

    private func isWanted(_ reply: Reply) -> Bool {
        guard goneMailboxes.contains(reply.destination.mailbox.name) else { return true }
        metrics.droppedReply()
        logger.debug("Reply to a gone mailbox dropped", metadata: ["mailbox": "\(reply.destination.mailbox.name)"])
        return false
    }

    private func drop(_ reply: Reply, _ error: TransportError) {
        metrics.droppedReply()
        let mailbox = reply.destination.mailbox.name
        if error.code == .unroutable { _ = goneMailboxes.insert(mailbox) }
        logger.warning("Reply dropped", metadata: ["mailbox": "\(mailbox)", "error": "\(error)"])
    }

    private func publish(_ reply: OsloReply, to destination: Destination) async throws(TransportError) {
        try await transport.publish(
            reply.message(uniqueID: UniqueID.make()), to: .mailbox(destination.mailbox),
            deadline: .now + Self.publishTimeout,
            mandatory: true, allowsDuplicates: true)
    }
}
