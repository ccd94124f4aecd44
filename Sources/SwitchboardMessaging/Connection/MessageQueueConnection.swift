public import Logging
public import ServiceLifecycle
public import SwitchboardCore
import Tracing

/// A running transport with one mailbox for replies. RPC clients and servers share it, and a request context's
/// ``RequestContext/mqConnection`` refers to one.
///
/// Creating a connection doesn't connect; ``run()`` does. The mailbox opens with the first call. All methods may be
/// called from any task, concurrently.
public final class MessageQueueConnection: Service {
    /// Its name in errors and logs: a cell's name, or `own`. Never a URL.
    public let name: String

    /// Its name in sentences.
    let title: String

    public let transport: Transport

    /// Where its clients and servers report to.
    public let telemetry: Telemetry

    /// The tracer that receives spans, if any.
    let tracer: (any Tracer)?
    let metrics: RPCMetrics
    /// What spans and metrics say that it talks to.
    let endpoint: MessagingEndpoint
    let work: WorkAnnouncements
    private let observer: (any SendingObserver)?
    let logger: Logger
    /// What round trips have found out.
    let hearing = Hearing()
    /// Where replies come.
    package let mailbox: Mailbox
    private let deadlines = DeadlineScheduler()
    private let calls: PendingCalls
    /// Open while the mailbox is subscribed to; broken when `run()` has ended.
    private let mailboxOpen = Gate()
    private let mailboxRequests: AsyncStream<Void>
    private let mailboxRequestSource: AsyncStream<Void>.Continuation

    /// Creates a connection over a transport. `name` is its name in errors and logs, and must not contain a secret.
    public convenience init(
        _ transport: Transport, name: String = "own", telemetry: Telemetry = Telemetry(),
        logger: Logger = Logger(label: "switchboard")
    ) {
        let title = name == "own" ? "the process's own queue" : name
        self.init(transport, name: name, title: title, telemetry: telemetry, observer: nil, logger: logger)
    }

    /// - Parameters:
    ///   - title: what sentences call it.
    ///   - observer: asked before anything is sent, and told how it went.
    package init(
        _ transport: Transport, name: String, title: String, telemetry: Telemetry = Telemetry(),
        observer: (any SendingObserver)?, logger: Logger
    ) {
        self.transport = transport
        self.telemetry = telemetry
        tracer = telemetry.activeTracer
        endpoint = MessagingEndpoint(transport)
        metrics = RPCMetrics(factory: telemetry.metrics, endpoint: endpoint)
        self.name = name
        self.title = title
        self.observer = observer
        var logger = logger
        logger[metadataKey: "mq.connection"] = "\(name)"
        self.logger = logger
        let mailbox = transport.makeMailbox()
        let work = WorkAnnouncements(mailbox: mailbox)
        (self.mailbox, self.work) = (mailbox, work)
        calls = PendingCalls(deadlines: deadlines) { id, worker in work.sendCancellation(of: id, to: worker) }
        (mailboxRequests, mailboxRequestSource) = AsyncStream.makeStream(
            of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Creates a connection to a URL, with the registry's driver for its scheme. Throws the same errors as `Transport`.
    public convenience init(
        _ url: TransportURL,
        drivers registry: DriverRegistry,
        configuration: TransportConfiguration = TransportConfiguration(),
        name: String = "own",
        telemetry: Telemetry = Telemetry(),
        logger: Logger = Logger(label: "switchboard")
    ) throws(TransportError) {
        self.init(
            try Transport(url, drivers: registry, configuration: configuration, logger: logger),
            name: name, telemetry: telemetry, logger: logger)
    }

    /// The number of calls that are waiting for their replies.
    public var callsInFlight: Int {
        calls.count
    }

    /// Connects, and stays connected until graceful shutdown or cancellation. Called once.
    ///
    /// List it before the services that use it. Throws the `TransportError` that ended the transport;
    /// pending and later calls fail with the same error.
    public func run() async throws {
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await self.transport.run() }
                group.addTask { await self.deadlines.run() }
                group.addTask { await self.serveMailbox() }
                group.addTask { await self.sendAnnouncements() }
                defer { group.cancelAll() }
                try await group.next()
            }
            end(TransportError(.closed, "The connection \(name) was closed."))
        } catch {
            end(error)
            throw error
        }
    }

    private func end(_ error: any Error) {
        let error =
            error as? TransportError ?? TransportError(.closed, "The connection \(name) has ended.", cause: error)
        mailboxOpen.break(error)
        calls.close(error)
    }

    // MARK: Sending

    /// Publishes a request and waits for its reply.
    ///
    /// - Parameter keepaliveInterval: when not `nil`, the longest silence: each keepalive of the server starts it anew,
    ///   up to `deadline`.
    func call(
        _ request: OsloRequest,
        to address: Address,
        deadline: Moment,
        keepaliveInterval: Duration?,
        mandatory: Bool
    ) async throws -> OsloReply {
        let observation = try observer.map(SendingObservation.init)
        let call: PendingCall
        do {
            try await openMailbox(until: deadline)
            call = try calls.add(
                deadline: deadline, keepaliveInterval: keepaliveInterval, isSending: true, observation: observation)
        } catch {
            observation?.ended(error)
            throw error
        }
        let sending: PendingPublish?
        do {
            var message = request.message(callID: call.id, replyQueue: mailbox.name)
            message.timeToLive = max(.milliseconds(1), Moment.now.duration(to: deadline))
            // Nothing is woken for the word that it was sent: the reply says so too.
            sending = try transport.publish(
                message, to: address, until: deadline, mandatory: mandatory, allowsDuplicates: !request.neverTwice,
                isAwaited: false
            ) { error in call.sent(error) }
        } catch {
            observation?.ended(error)
            calls.remove(call)
            throw error
        }
        let reply = try await calls.reply(to: call, sending: sending)
        // If the connection is lost before the confirm is read, the request must not be sent again.
        sending?.conclude()
        return reply
    }

    /// Publishes a message that nobody replies to.
    func send(
        _ message: Message,
        to address: Address,
        deadline: Moment,
        mandatory: Bool,
        allowsDuplicates: Bool = true
    ) async throws(TransportError) {
        let observation: SendingObservation?
        if let observer { observation = try SendingObservation(observer) } else { observation = nil }
        do throws(TransportError) {
            try await transport.publish(
                message, to: address, until: deadline, mandatory: mandatory, allowsDuplicates: allowsDuplicates)
            observation?.ended(nil)
        } catch {
            observation?.ended(error)
            throw error
        }
    }

    /// Sends a message through the queue to its own mailbox, and waits for it. This proves that messages are delivered,
    /// which a connection that merely looks alive doesn't.
    ///
    /// - Returns: how long it took.
    /// - Throws: ``RPCError``, with the code ``RPCError/Code/timeout`` if the message doesn't come back; or
    ///   `CancellationError`.
    public func roundTrip(timeout: Duration = .seconds(10)) async throws -> Duration {
        let start = Moment.now
        let deadline = start + min(timeout, RPCDeadline.longestWait)
        do {
            try await openMailbox(until: deadline)
            let call = try calls.add(deadline: deadline, keepaliveInterval: nil)
            defer { calls.remove(call) }
            let probe = OsloReply(result: .null, ending: true, callID: call.id)
            // Not through the observer: this is how it finds out whether the queue answers again.
            try await transport.publish(
                probe.message(), to: .mailbox(mailbox), until: deadline, mandatory: true, allowsDuplicates: true)
            _ = try await calls.reply(to: call)
        } catch PendingCalls.Failure.timeout {
            let sentence =
                "\(title) took a message and did not deliver it within \(timeout); the connection is \(transport.state)."
            hearing.missed(sentence)
            throw RPCError(.timeout, sentence)
        } catch PendingCalls.Failure.closed(let cause) {
            throw RPCError(.closed, "The connection to \(title) was closed.", cause: cause)
        } catch let error as TransportError where error.code == .cancelled {
            throw CancellationError()
        } catch let error as TransportError {
            if [.unroutable, .unavailable, .indeterminate].contains(error.code) { hearing.missed(error.message) }
            throw RPCError(error, during: "A round trip through \(title)")
        }
        hearing.heard()
        return start.duration(to: .now)
    }

    // MARK: Time

    /// For servers of this connection, which share its timer.
    func schedule(
        at deadline: Moment, _ action: @escaping @Sendable () -> Void
    ) -> DeadlineScheduler.Token {
        deadlines.schedule(at: deadline, action)
    }

    @discardableResult
    func cancel(_ token: DeadlineScheduler.Token) -> Bool {
        deadlines.cancel(token)
    }

    // MARK: The mailbox

    private func openMailbox(until deadline: Moment) async throws {
        if mailboxOpen.isOpen { return }
        // Before run() it is kept for it.
        mailboxRequestSource.yield()
        try await mailboxOpen.wait(until: deadline) { [transport, name] in
            let state = transport.state
            return TransportError(
                .unavailable,
                state == .idle
                    ? "The connection \(name) is not running; call its run(), or add it to a ServiceGroup."
                    : "The reply mailbox of \(name) could not be opened in time; the connection is \(state).")
        }
    }

    /// What ``run()`` has ended with.
    var failure: (any Error)? { mailboxOpen.failure }

    private func serveMailbox() async {
        for await _ in mailboxRequests {
            do {
                try await transport.withSubscription(
                    to: .mailbox(mailbox), options: SubscriptionOptions(prefetch: 1000)
                ) { deliveries in
                    mailboxOpen.open()
                    try await deliveries.receive { delivery in
                        self.receive(delivery.message)
                        delivery.settleInBackground(.accept)
                        return true
                    }
                }
                // Its deliveries have ended: no reply to what was sent comes any more.
                calls.failAll(TransportError(.closed, "The reply mailbox of \(name) has ended."))
            } catch {
                guard !Task.isCancelled else { return }
                // That a transport has closed is no news: its owner asked for it, or hears why from run().
                let isClosed = (error as? TransportError)?.code == .closed
                logger.log(
                    level: isClosed ? .debug : .warning, "Reply mailbox lost", metadata: ["error": "\(error)"])
                mailboxOpen.close()
                mailboxOpen.fail(error)
                calls.failAll(error)
            }
            mailboxOpen.close()
        }
    }

    private func receive(_ message: Message) {
        do {
            let reply = try OsloReply(message)
            guard let id = reply.callID, id.isText, take(reply, id: id) else {
                logger.debug(
                    "Reply without a waiting call dropped", metadata: ["oslo.msg_id": "\(reply.messageID ?? .null)"])
                return
            }
        } catch {
            logger.warning("Unreadable reply dropped", metadata: ["error": "\(error)"])
        }
    }

    /// `false` when nobody waits for it.
    private func take(_ reply: OsloReply, id: WireID) -> Bool {
        guard reply.isCancellation else { return calls.receive(reply, id: id) }
        work.cancel(id)
        return true
    }

    // MARK: Work

    private static let announcementTimeout: Duration = .seconds(5)

    /// Sends who works on what, and what nobody waits for any more.
    private func sendAnnouncements() async {
        for await outgoing in work.outgoing {
            let deadline = Moment.now + Self.announcementTimeout
            do {
                if outgoing.announcesMailbox { try await openMailbox(until: deadline) }
                try await send(
                    outgoing.reply.message(), to: .mailbox(outgoing.mailbox), deadline: deadline, mandatory: false)
            } catch {
                logger.debug("Announcement of work dropped", metadata: ["error": "\(error)"])
            }
        }
    }
}
