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

    func send(result: JSONValue, to destination: Destination?) async {
        guard let destination else { return }
        await send(OsloReply(result: result, ending: true, messageID: destination.messageID), to: destination)
    }

    func send(failure: RemoteError, to destination: Destination?) async {
        guard let destination else { return }
        await send(
            OsloReply(result: .null, failure: OsloFailure(failure), ending: true, messageID: destination.messageID),
            to: destination)
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

    private func send(_ reply: OsloReply, to destination: Destination) async {
        guard !goneMailboxes.contains(destination.mailbox.name) else {
            metrics.droppedReply()
            logger.debug("Reply to a gone mailbox dropped", metadata: ["mailbox": "\(destination.mailbox.name)"])
            return
        }
        let end = ContinuousClock.now + retryDuration
        while true {
            do {
                return try await publish(reply, to: destination)
            } catch let error where error.code == .unroutable && .now + Self.retryPause < end && !Task.isCancelled {
                try? await Task.sleep(for: Self.retryPause)
            } catch {
                metrics.droppedReply()
                if error.code == .unroutable { _ = goneMailboxes.insert(destination.mailbox.name) }
                logger.warning(
                    "Reply dropped", metadata: ["mailbox": "\(destination.mailbox.name)", "error": "\(error)"])
                return
            }
        }
    }

    private func publish(_ reply: OsloReply, to destination: Destination) async throws(TransportError) {
        var reply = reply
        reply.uniqueID = UniqueID.make()
        try await transport.publish(
            reply.message(), to: .mailbox(destination.mailbox), deadline: .now + Self.publishTimeout,
            mandatory: true, allowsDuplicates: true)
    }
}
