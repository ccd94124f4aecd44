#if RabbitMQ
import NIOCore
import NIOPosix
import SwitchboardCore

/// One connection that looks at a broker: opened once, asked one thing after the other, and closed.
///
/// Its executor is the event loop, as with ``BrokerConnection``. It never tries again, and each wait has a deadline.
actor InspectionSession: SocketOwner {
    /// What came of methods that were sent on a channel of their own.
    struct Conversation: Sendable {
        /// In order; fewer than asked for where the broker closed the channel.
        var answers: [IncomingMethod]
        var closure: IncomingMethod.Closure?
    }

    private struct Waiter {
        var isOver: (AMQPConnection, InspectionClient) -> Bool
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
    private var connection: AMQPConnection?
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
        let connection = AMQPConnection(settings.login(credentials, to: endpoint), client: client)
        self.connection = connection
        do {
            try settings.connect(to: endpoint, on: eventLoop, owner: self).whenComplete { result in
                self.assumeIsolated { $0.connected(result) }
            }
        } catch {
            throw InspectionFailure(.tls, "TLS cannot be set up: \(error)")
        }
        await wait { connection, _ in connection.isOpen || connection.loss != nil }
        if connection.isOpen, let broker = connection.broker { return broker }
        let reason = connection.loss?.reason ?? silence(connection)
        connection.end("given up")
        turn()
        throw InspectionFailure(stage(of: connection), reason)
    }

    /// Says goodbye to the broker, and closes the socket whether it answers or not.
    func close() async {
        guard let connection, connection.loss == nil else { return }
        connection.close()
        turn()
        // A broker that has blocked the connection reads no goodbye.
        await wait(.seconds(1)) { connection, _ in connection.loss != nil || connection.blockedReason != nil }
        connection.end("closed")
        turn()
    }

    private func connected(_ result: Result<any Channel, any Error>) {
        switch result {
        case .success(let channel):
            guard let connection, connection.loss == nil else { return channel.close(promise: nil) }
            connection.connected(channel)
        case .failure(let error): connection?.end(ConnectFailure.describe(error))
        }
        turn()
    }

    private func stage(of connection: AMQPConnection) -> InspectionFailure.Stage {
        if connection.broker == nil { return .greeting }
        return connection.isAuthenticated ? .virtualHost : .login
    }

    private func silence(_ connection: AMQPConnection) -> String {
        let what =
            switch stage(of: connection) {
            case .greeting: "took the connection and sent nothing"
            case .login: "did not answer the login"
            default: "did not open the virtual host"
            }
        return "\(endpoint.address) \(what) within \(timeout.inSeconds)"
    }

    // MARK: Questions

    /// Sends methods on a channel that is opened for them, and closes it again.
    func ask(_ methods: [OutgoingMethod]) async throws(InspectionFailure) -> Conversation {
        try await converse(awaiting: methods.count) { connection throws(TransportError) in
            for method in methods { try connection.send(method, channel: Self.channel) }
        }
    }

    /// Publishes an empty message, mandatory and confirmed, to a queue that doesn't exist.
    ///
    /// A broker with an alarm blocks a connection as soon as it publishes, so a connection that was blocked is of no more use.
    func publish(toAbsent queue: String) async throws(InspectionFailure) -> Conversation {
        try await converse(awaiting: 3) { connection throws(TransportError) in
            try connection.send(.confirmSelect, channel: Self.channel)
            try connection.encode { buffer throws(TransportError) in
                try buffer.writePublish(exchange: "", routingKey: queue, mandatory: true, channel: Self.channel)
                try buffer.writeContent(
                    of: Message(body: []), channel: Self.channel, frameMax: Int(connection.tuning.frameMax))
            }
        }
    }

    /// Why the broker takes no messages; `nil` when it does, as far as it has said.
    var blockedReason: String? { connection?.blockedReason }

    /// Publishes an empty message that no broker takes, as its expiration is too far. What the user may write to is looked at before.
    func publishRefused(to exchange: String, key: String) async throws(InspectionFailure) -> Conversation {
        try await converse(awaiting: 3) { connection throws(TransportError) in
            try connection.send(.confirmSelect, channel: Self.channel)
            try connection.encode { buffer throws(TransportError) in
                try buffer.writePublish(exchange: exchange, routingKey: key, mandatory: true, channel: Self.channel)
                try buffer.writeContent(
                    of: Message(body: [], timeToLive: .seconds(Int64.max)), channel: Self.channel,
                    frameMax: Int(connection.tuning.frameMax))
            }
        }
    }

    /// Publishes a message to a queue by the default exchange, confirmed.
    func publish(_ message: Message, to queue: String) async throws(InspectionFailure) -> Conversation {
        try await converse(awaiting: 2) { connection throws(TransportError) in
            try connection.send(.confirmSelect, channel: Self.channel)
            try connection.encode { buffer throws(TransportError) in
                try buffer.writePublish(exchange: "", routingKey: queue, mandatory: false, channel: Self.channel)
                try buffer.writeContent(of: message, channel: Self.channel, frameMax: Int(connection.tuning.frameMax))
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
        guard let connection, connection.isOpen else {
            throw InspectionFailure(.open, connection?.loss?.reason ?? "the connection is not open")
        }
        let tap = TapReceiver(limit: messageLimit, deliver: deliver, ended: ended)
        client.tap = tap
        do throws(TransportError) {
            for method in [.channelOpen, .declareQueue(queue), .watch(queue: queue.name, tag: "tap")]
                as [OutgoingMethod]
            {
                try connection.send(method, channel: TapReceiver.channel)
            }
        } catch {
            throw InspectionFailure(.open, error.message)
        }
        turn()
        await wait { connection, _ in tap.isWatching || tap.reason != nil || connection.loss != nil }
        if let loss = connection.loss { throw InspectionFailure(.open, loss.reason) }
        guard tap.isWatching, tap.reason == nil else {
            throw InspectionFailure(
                .open, tap.reason ?? "\(endpoint.address) did not answer within \(timeout.inSeconds)")
        }
        guard let tick = connection.heartbeat.tick else { return }
        let pause = TimeAmount(clamping: tick)
        heartbeat = eventLoop.scheduleRepeatedTask(initialDelay: pause, delay: pause) { _ in
            self.assumeIsolated { $0.tick() }
        }
    }

    private func tick() {
        connection?.ticked()
        turn()
    }

    private func converse(
        awaiting count: Int, _ send: (AMQPConnection) throws(TransportError) -> Void
    ) async throws(InspectionFailure) -> Conversation {
        guard let connection, connection.isOpen else {
            throw InspectionFailure(.open, connection?.loss?.reason ?? "the connection is not open")
        }
        client.begin()
        do throws(TransportError) {
            try connection.send(.channelOpen, channel: Self.channel)
            try send(connection)
        } catch {
            throw InspectionFailure(.open, error.message)
        }
        turn()
        // The channel's own opening is answered too.
        await wait { connection, client in
            client.answers.count > count || client.closure != nil || connection.loss != nil
                || connection.blockedReason != nil
        }
        let conversation = Conversation(answers: Array(client.answers.dropFirst()), closure: client.closure)
        let isAnswered = client.answers.count > count || client.closure != nil || connection.blockedReason != nil
        if let loss = connection.loss { throw InspectionFailure(.open, loss.reason) }
        guard isAnswered else {
            throw InspectionFailure(.open, "\(endpoint.address) did not answer within \(timeout.inSeconds)")
        }
        try await closeChannel(connection)
        return conversation
    }

    private func closeChannel(_ connection: AMQPConnection) async throws(InspectionFailure) {
        let isClosed = client.closure != nil
        do throws(TransportError) {
            try connection.send(
                isClosed ? .channelCloseOK : .channelClose(code: 200, text: "done"), channel: Self.channel)
        } catch {
            throw InspectionFailure(.open, error.message)
        }
        turn()
        if isClosed { return }
        await wait { connection, client in
            client.answers.contains(.channelCloseOK) || client.closure != nil || connection.loss != nil
                || connection.blockedReason != nil
        }
        if client.closure != nil, connection.loss == nil {
            try? connection.send(.channelCloseOK, channel: Self.channel)
            turn()
        }
    }

    // MARK: Events

    func received(_ buffer: ByteBuffer) {
        connection?.received(buffer)
        turn()
    }

    func socketEnded(_ reason: String) {
        connection?.end(reason)
        turn()
    }

    func socketWritable() {
        turn()
    }

    /// Whatever happened: bytes go out, a lost connection's socket is closed, and what has been waited for goes on.
    private func turn() {
        guard let connection else { return }
        if let reason = client.tap?.reason { connection.end(reason) }
        connection.flush()
        if let loss = connection.loss, !isSocketClosed {
            isSocketClosed = true
            heartbeat?.cancel()
            heartbeat = nil
            _ = connection.closeSocket()
            client.tap?.end(loss.reason)
        }
        if let waiter, waiter.isOver(connection, client) { endWait() }
    }

    /// Returns when the condition holds, or when time is up; or at once when the task is cancelled.
    private func wait(
        _ limit: Duration? = nil, for isOver: @escaping (AMQPConnection, InspectionClient) -> Bool
    ) async {
        guard let connection, !isOver(connection, client) else { return }
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
