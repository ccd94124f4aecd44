#if RabbitMQ
import NIOCore
import NIOPosix
import SwitchboardCore

/// One connection that looks at a broker: opened once, asked one thing after the other, and closed.
///
/// Its executor is the event loop, as with ``Connection``. It never tries again, and each wait has a deadline.
actor InspectionSession: LinkOwner {
    /// What came of methods that were sent on a channel of their own.
    struct Conversation: Sendable {
        /// In order; fewer than asked for where the broker closed the channel.
        var answers: [IncomingMethod]
        var closure: IncomingMethod.Closure?
    }

    private struct Waiter {
        var isOver: (Link, InspectionClient) -> Bool
        var continuation: CheckedContinuation<Void, Never>
        var timer: Scheduled<Void>
    }

    private static var channel: UInt16 { 1 }

    nonisolated let eventLoop: any EventLoop
    private nonisolated let executor: UnownedSerialExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor }

    private let settings: ConnectionSettings
    private let endpoint: Endpoint
    private let timeout: Duration
    private let client = InspectionClient()
    private var link: Link?
    private var isSocketClosed = false
    private var waiter: Waiter?
    private var heartbeat: RepeatedTask?

    init(_ settings: ConnectionSettings, to endpoint: Endpoint, timeout: Duration, on eventLoop: any EventLoop) {
        self.settings = settings
        self.endpoint = endpoint
        self.timeout = timeout
        self.eventLoop = eventLoop
        executor = eventLoop.executor.asUnownedSerialExecutor()
    }

    // MARK: Life

    /// Connects and logs in. The failure tells how far it came.
    func open(_ credentials: RabbitMQCredentials) async throws(InspectionFailure) -> BrokerIdentity {
        let link = Link(settings.login(credentials, to: endpoint), client: client)
        self.link = link
        do {
            try settings.connect(to: endpoint, on: eventLoop, owner: self, generation: 0).whenComplete { result in
                self.assumeIsolated { $0.connected(result) }
            }
        } catch {
            throw InspectionFailure(.tls, "TLS cannot be set up: \(error)")
        }
        await wait { link, _ in link.isOpen || link.loss != nil }
        if link.isOpen, let broker = link.broker { return broker }
        let reason = link.loss?.reason ?? silence(link)
        link.end("given up")
        turn()
        throw InspectionFailure(stage(of: link), reason)
    }

    /// Says goodbye to the broker, and closes the socket whether it answers or not.
    func close() async {
        guard let link, link.loss == nil else { return }
        link.close()
        turn()
        // A broker that has blocked the connection reads no goodbye.
        await wait(.seconds(1)) { link, _ in link.loss != nil || link.blockedReason != nil }
        link.end("closed")
        turn()
    }

    private func connected(_ result: Result<any Channel, any Error>) {
        switch result {
        case .success(let channel):
            guard let link, link.loss == nil else { return channel.close(promise: nil) }
            link.connected(channel)
        case .failure(let error): link?.end(ConnectFailure.describe(error))
        }
        turn()
    }

    private func stage(of link: Link) -> InspectionFailure.Stage {
        if link.broker == nil { return .greeting }
        return link.isAuthenticated ? .virtualHost : .login
    }

    private func silence(_ link: Link) -> String {
        let what =
            switch stage(of: link) {
            case .greeting: "took the connection and sent nothing"
            case .login: "did not answer the login"
            default: "did not open the virtual host"
            }
        return "\(endpoint.address) \(what) within \(timeout.inSeconds)"
    }

    // MARK: Questions

    /// Sends methods on a channel that is opened for them, and closes it again.
    func ask(_ methods: [OutgoingMethod]) async throws(InspectionFailure) -> Conversation {
        try await converse(awaiting: methods.count) { link throws(TransportError) in
            for method in methods { try link.send(method, channel: Self.channel) }
        }
    }

    /// Publishes an empty message, mandatory and confirmed, to a queue that doesn't exist.
    ///
    /// A broker with an alarm blocks a connection as soon as it publishes, so a connection that was blocked is of no more use.
    func publish(toAbsent queue: String) async throws(InspectionFailure) -> Conversation {
        try await converse(awaiting: 3) { link throws(TransportError) in
            try link.send(.confirmSelect, channel: Self.channel)
            try link.encode { buffer throws(TransportError) in
                try buffer.writePublish(exchange: "", routingKey: queue, mandatory: true, channel: Self.channel)
                try buffer.writeContent(
                    of: Message(body: []), channel: Self.channel, frameMax: Int(link.tuning.frameMax))
            }
        }
    }

    /// Why the broker takes no messages; `nil` when it does, as far as it has said.
    var blockedReason: String? { link?.blockedReason }

    /// Publishes an empty message that no broker takes, as its expiration is too far. What the user may write to is looked at before.
    func publishRefused(to exchange: String, key: String) async throws(InspectionFailure) -> Conversation {
        try await converse(awaiting: 3) { link throws(TransportError) in
            try link.send(.confirmSelect, channel: Self.channel)
            try link.encode { buffer throws(TransportError) in
                try buffer.writePublish(exchange: exchange, routingKey: key, mandatory: true, channel: Self.channel)
                try buffer.writeContent(
                    of: Message(body: [], timeToLive: .seconds(Int64.max)), channel: Self.channel,
                    frameMax: Int(link.tuning.frameMax))
            }
        }
    }

    /// Publishes a message to a queue by the default exchange, confirmed.
    func publish(_ message: Message, to queue: String) async throws(InspectionFailure) -> Conversation {
        try await converse(awaiting: 2) { link throws(TransportError) in
            try link.send(.confirmSelect, channel: Self.channel)
            try link.encode { buffer throws(TransportError) in
                try buffer.writePublish(exchange: "", routingKey: queue, mandatory: false, channel: Self.channel)
                try buffer.writeContent(of: message, channel: Self.channel, frameMax: Int(link.tuning.frameMax))
            }
        }
    }

    /// Watches a queue of the connection's own until the connection ends, which it then does not for want of heartbeats.
    ///
    /// - Parameters:
    ///   - deliver: gets each message, on the connection's event loop.
    ///   - ended: is told once why no more come.
    func watch(
        _ queue: QueueDeclaration, messageLimit: Int, deliver: @escaping @Sendable (TappedDelivery) -> Void,
        ended: @escaping @Sendable (String) -> Void
    ) async throws(InspectionFailure) {
        guard let link, link.isOpen else {
            throw InspectionFailure(.open, link?.loss?.reason ?? "the connection is not open")
        }
        let tap = TapReceiver(limit: messageLimit, deliver: deliver, ended: ended)
        client.tap = tap
        do throws(TransportError) {
            for method in [.channelOpen, .declareQueue(queue), .watch(queue: queue.name, tag: "tap")]
                as [OutgoingMethod]
            {
                try link.send(method, channel: TapReceiver.channel)
            }
        } catch {
            throw InspectionFailure(.open, error.message)
        }
        turn()
        await wait { link, _ in tap.isWatching || tap.reason != nil || link.loss != nil }
        if let loss = link.loss { throw InspectionFailure(.open, loss.reason) }
        guard tap.isWatching, tap.reason == nil else {
            throw InspectionFailure(
                .open, tap.reason ?? "\(endpoint.address) did not answer within \(timeout.inSeconds)")
        }
        guard let tick = link.heartbeat.tick else { return }
        let pause = TimeAmount(clamping: tick)
        heartbeat = eventLoop.scheduleRepeatedTask(initialDelay: pause, delay: pause) { _ in
            self.assumeIsolated { $0.tick() }
        }
    }

    private func tick() {
        link?.ticked()
        turn()
    }

    private func converse(
        awaiting count: Int, _ send: (Link) throws(TransportError) -> Void
    ) async throws(InspectionFailure) -> Conversation {
        guard let link, link.isOpen else {
            throw InspectionFailure(.open, link?.loss?.reason ?? "the connection is not open")
        }
        client.begin()
        do throws(TransportError) {
            try link.send(.channelOpen, channel: Self.channel)
            try send(link)
        } catch {
            throw InspectionFailure(.open, error.message)
        }
        turn()
        // The channel's own opening is answered too.
        await wait { link, client in
            client.answers.count > count || client.closure != nil || link.loss != nil || link.blockedReason != nil
        }
        let conversation = Conversation(answers: Array(client.answers.dropFirst()), closure: client.closure)
        let isAnswered = client.answers.count > count || client.closure != nil || link.blockedReason != nil
        if let loss = link.loss { throw InspectionFailure(.open, loss.reason) }
        guard isAnswered else {
            throw InspectionFailure(.open, "\(endpoint.address) did not answer within \(timeout.inSeconds)")
        }
        try await closeChannel(link)
        return conversation
    }

    private func closeChannel(_ link: Link) async throws(InspectionFailure) {
        let isClosed = client.closure != nil
        do throws(TransportError) {
            try link.send(isClosed ? .channelCloseOK : .channelClose(code: 200, text: "done"), channel: Self.channel)
        } catch {
            throw InspectionFailure(.open, error.message)
        }
        turn()
        if isClosed { return }
        await wait { link, client in
            client.answers.contains(.channelCloseOK) || client.closure != nil || link.loss != nil
                || link.blockedReason != nil
        }
        if client.closure != nil, link.loss == nil {
            try? link.send(.channelCloseOK, channel: Self.channel)
            turn()
        }
    }

    // MARK: Events

    func received(_ buffer: ByteBuffer, generation: UInt64) {
        link?.received(buffer)
        turn()
    }

    func socketEnded(_ reason: String, generation: UInt64) {
        link?.end(reason)
        turn()
    }

    func socketWritable(generation: UInt64) {
        turn()
    }

    /// Whatever happened: bytes go out, a lost connection's socket is closed, and what has been waited for goes on.
    private func turn() {
        guard let link else { return }
        if let reason = client.tap?.reason { link.end(reason) }
        link.flush()
        if let loss = link.loss, !isSocketClosed {
            isSocketClosed = true
            heartbeat?.cancel()
            heartbeat = nil
            _ = link.closeSocket()
            client.tap?.end(loss.reason)
        }
        if let waiter, waiter.isOver(link, client) { endWait() }
    }

    /// Returns when the condition holds, or when time is up; or at once when the task is cancelled.
    private func wait(
        _ limit: Duration? = nil, for isOver: @escaping (Link, InspectionClient) -> Bool
    ) async {
        guard let link, !isOver(link, client) else { return }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let timer = eventLoop.scheduleTask(in: TimeAmount(clamping: limit ?? timeout)) {
                    self.assumeIsolated { $0.endWait() }
                }
                waiter = Waiter(isOver: isOver, continuation: continuation, timer: timer)
            }
        } onCancel: {
            eventLoop.execute { self.assumeIsolated { $0.endWait() } }
        }
    }

    private func endWait() {
        guard let waiter else { return }
        self.waiter = nil
        waiter.timer.cancel()
        waiter.continuation.resume()
    }
}
#endif
