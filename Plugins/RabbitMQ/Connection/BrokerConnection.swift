#if RabbitMQ
import Logging
import NIOCore
import NIOPosix
import SwitchboardCore

/// One of a driver's two connections, from dialing to the closed socket. A connection lives once: `Transport` asks the
/// driver for the next one.
///
///     dialing ──client ready──▶ open ──close(), other credentials──▶ leaving
///        │                       │                                      │
///        │ loss                  │ loss                                 │ goodbye answered, loss
///        └───────────────────────┴──────────────────────────────────────┴──▶ closing ──socket closed──▶ closed
///
/// Its executor is an event loop, so that all of its state, its client and librabbitmq's memory are touched by one
/// thread, and the compiler proves it.
actor BrokerConnection<Client: ConnectionClient> {
    private enum Phase: Equatable {
        case dialing, open
        case leaving(Departure)
        /// Until the socket is closed.
        case closing(Departure?)
        case closed
    }

    /// Why this side ends the connection.
    private enum Departure {
        /// It isn't wanted any more.
        case close
        /// Other credentials need another connection.
        case replacement
    }

    nonisolated let eventLoop: any EventLoop
    private nonisolated let executor: UnownedSerialExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor }

    nonisolated let inbox: Inbox<Client.Command>
    private nonisolated let settings: ConnectionSettings
    private nonisolated let endpoint: Endpoint
    private let client: Client
    private let connection: AMQPConnection
    /// Told why the connection is over, once, unless ``open()`` says so or ``close()`` was called.
    private let onLoss: @Sendable (ConnectionLoss, _ wasSettingUpNews: Bool) -> Void

    private var phase = Phase.dialing
    private var opening: CheckedContinuation<ConnectionLoss?, Never>?
    private var closers: [CheckedContinuation<Void, Never>] = []
    private var blockedSince: Moment?
    private var isFlushScheduled = false
    private var readingPauses = ReadingPauses()
    /// An empty array whose memory is reused for the commands of each turn.
    private var emptyCommands: [Client.Command] = []
    private static var keptCommands: Int { 1024 }
    /// The shortest time to the next look at deadlines.
    private var deadlinePause = Duration.milliseconds(2)
    private var deadlineTimer: (task: Scheduled<Void>, at: Moment)?
    /// Limits the time of what the connection is at: connecting, a new password, leaving.
    private var phaseTimer: Scheduled<Void>?
    private var renewalTimer: Scheduled<Void>?
    private var heartbeatTimer: RepeatedTask?

    /// How long a stopping connection waits for its client, and then for the broker's goodbye.
    private static var goodbyeTime: TimeAmount { .seconds(2) }
    /// How long what is under way on a connection may take before another one replaces it.
    private static var replacingTime: TimeAmount { .seconds(10) }
    /// When a provider of credentials that failed is asked again.
    private static var renewalRetry: Duration { .seconds(10) }

    init(
        to endpoint: Endpoint, as credentials: RabbitMQCredentials, settings: ConnectionSettings,
        inbox: Inbox<Client.Command>, client: sending Client,
        onLoss: @escaping @Sendable (ConnectionLoss, _ wasSettingUpNews: Bool) -> Void
    ) {
        self.endpoint = endpoint
        self.settings = settings
        self.eventLoop = inbox.eventLoop
        self.executor = inbox.eventLoop.executor.asUnownedSerialExecutor()
        self.inbox = inbox
        self.client = client
        self.onLoss = onLoss
        connection = AMQPConnection(settings.login(credentials, to: endpoint), client: client)
        lifetime = credentials.lifetime
    }

    /// Of the credentials that it has.
    private let lifetime: Duration?

    // MARK: Life

    /// Connects and logs in; returns when everything is set up, or why there is no connection. Ends early when its task is
    /// cancelled.
    func open() async -> ConnectionLoss? {
        inbox.onItems { [weak self] in self?.assumeIsolated { $0.takeInbox() } }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                opening = continuation
                if Task.isCancelled { stop() } else { dial() }
            }
        } onCancel: {
            eventLoop.execute { self.assumeIsolated { $0.stop() } }
        }
    }

    /// Says goodbye, and returns when the socket is closed.
    func close() async {
        if phase == .closed { return }
        await withCheckedContinuation { continuation in
            closers.append(continuation)
            stop()
        }
    }

    private func dial() {
        limitPhase(to: TimeAmount(clamping: settings.configuration.connectTimeout)) { connection in
            connection.giveUp("connecting and logging in took too long")
        }
        do {
            try settings.connect(to: endpoint, on: eventLoop, owner: self).whenComplete { result in
                self.assumeIsolated { $0.connected(result) }
            }
        } catch {
            giveUp("TLS cannot be set up: \(error)")
        }
    }

    private func connected(_ result: Result<any Channel, any Error>) {
        switch result {
        case .success(let channel):
            guard connection.loss == nil else { return channel.close(promise: nil) }
            connection.connected(channel)
            endTurn()
        case .failure(let error):
            giveUp(ConnectFailure.describe(error))
        }
    }

    private func giveUp(_ reason: String) {
        connection.end(reason)
        endTurn()
    }

    /// What is under way may finish for a moment, then the broker is told.
    private func stop() {
        switch phase {
        case .dialing, .open, .leaving(.replacement): phase = .leaving(.close)
        case .closing: return phase = .closing(.close)
        case .leaving(.close), .closed: return
        }
        performCommands()
        client.stop()
        leave(after: Self.goodbyeTime)
        endTurn()
    }

    /// Says goodbye to the broker when the client is idle, or when `time` has passed.
    private func leave(after time: TimeAmount) {
        limitPhase(to: time) { connection in
            connection.connection.close()
            connection.endTurn()
            connection.limitPhase(to: Self.goodbyeTime) { connection in
                connection.giveUp("the broker did not answer the goodbye")
            }
        }
    }

    private func limitPhase(
        to time: TimeAmount, _ body: @escaping @Sendable (isolated BrokerConnection) -> Void
    ) {
        phaseTimer?.cancel()
        phaseTimer = schedule(in: time, body)
    }

    // MARK: Turns

    private func takeInbox() {
        performCommands()
        // Now: whatever else came in this turn of the loop is in it, and callers wait for nothing but this.
        connection.flush()
        resumeClient()
        endTurn()
    }

    private func performCommands() {
        let isOver = phase == .closed || connection.loss != nil
        var commands: [Client.Command] = []
        swap(&commands, &emptyCommands)
        inbox.takeAll(into: &commands)
        for index in commands.indices {
            if isOver { client.abandon(commands[index]) } else { client.perform(commands[index]) }
        }
        commands.removeAll(keepingCapacity: commands.count <= Self.keptCommands)
        emptyCommands = commands
    }

    /// Whatever happened: callers that are done go on, gathered bytes go out, timers and what was signalled fit.
    private func endTurn() {
        let resumed = client.finishTurn()
        inbox.wakeUps?.turnEnded(resumed: resumed)
        if phase == .dialing, connection.loss == nil, connection.isOpen, client.isReady { opened() }
        if case .leaving = phase, client.isIdle { connection.close() }
        noteBlocking()
        if connection.loss != nil {
            closeSocket()
        } else if connection.hasOutput, !isFlushScheduled {
            // Not at once: other work of this turn of the loop adds to the same write.
            isFlushScheduled = true
            eventLoop.execute { self.assumeIsolated { $0.flush() } }
        }
        if readingPauses.isPausing, phase != .open || !client.canReadLater { resumeReading() }
        armDeadlineTimer()
    }

    private func flush() {
        isFlushScheduled = false
        connection.flush()
        resumeClient()
        endTurn()
    }

    /// Begins a pause in reading, if the next read can wait.
    private func pauseReading() {
        guard readingPauses.read(at: .now(), canWait: phase == .open && connection.loss == nil && client.canReadLater)
        else { return }
        connection.setReading(false)
        _ = schedule(in: ReadingPauses.length) { $0.resumeReading() }
    }

    private func resumeReading() {
        if readingPauses.end(at: .now()) { connection.setReading(true) }
    }

    /// Our own limit may have stopped the client, of which NIO tells nothing.
    private func resumeClient() {
        if connection.isOpen, connection.canWrite { client.writable() }
    }

    private func opened() {
        phase = .open
        opening?.resume(returning: nil)
        opening = nil
    }

    private func closeSocket() {
        guard let loss = connection.loss else { return }
        switch phase {
        case .dialing, .open: phase = .closing(nil)
        case .leaving(let departure): phase = .closing(departure)
        case .closing, .closed: return
        }
        phaseTimer?.cancel()
        heartbeatTimer?.cancel()
        renewalTimer?.cancel()
        guard let closed = connection.closeSocket() else { return finish(loss) }
        closed.whenComplete { _ in self.assumeIsolated { $0.finish(loss) } }
    }

    private func finish(_ loss: ConnectionLoss) {
        guard case .closing(let departure) = phase else { return }
        phase = .closed
        deadlineTimer?.task.cancel()
        deadlineTimer = nil
        inbox.close()
        performCommands()
        client.finishTurn()
        if let opening {
            self.opening = nil
            opening.resume(returning: loss)
        } else {
            switch departure {
            case .close: break
            case .replacement where !loss.isRefusal: onLoss(.replaced, false)
            case .replacement, nil: onLoss(loss, client.wasSettingUpNews)
            }
        }
        for closer in closers { closer.resume() }
        closers = []
    }

    // MARK: Time

    private func armDeadlineTimer() {
        guard phase != .closed, let next = client.nextDeadline else { return }
        if let deadlineTimer {
            if deadlineTimer.at <= next { return }
            deadlineTimer.task.cancel()
        }
        let wait = max(Moment.now.duration(to: next), deadlinePause)
        let task = schedule(in: TimeAmount(clamping: wait)) { connection in
            connection.deadlineTimer = nil
            connection.performCommands()
            connection.expire()
            connection.endTurn()
        }
        deadlineTimer = (task, next)
    }

    /// Deadlines that lie close together are looked at together: the more there is to look at, the more of them.
    private func expire() {
        let begin = Moment.now
        client.expire(begin)
        deadlinePause = min(max(begin.duration(to: .now) * 20, .milliseconds(2)), .milliseconds(50))
    }

    private func schedule(
        in delay: TimeAmount, _ body: @escaping @Sendable (isolated BrokerConnection) -> Void
    ) -> Scheduled<Void> {
        eventLoop.scheduleTask(in: delay) { self.assumeIsolated { body($0) } }
    }

    /// Measures how long the broker takes no messages.
    private func noteBlocking() {
        if connection.blockedReason != nil, connection.loss == nil {
            blockedSince = blockedSince ?? .now
        } else if let since = blockedSince {
            blockedSince = nil
            settings.metrics.wasBlocked(for: since.duration(to: .now))
        }
    }

    // MARK: Credentials

    /// Takes over what the provider says now, when it is something else.
    func renewCredentials() async {
        guard endpoint.username == nil, phase == .open else { return }
        let result: Result<RabbitMQCredentials, any Error>
        do {
            result = .success(try await settings.credentials(for: endpoint))
        } catch {
            result = .failure(error)
        }
        guard phase == .open, connection.loss == nil else { return }
        switch result {
        case .failure(let error):
            settings.logger.warning(
                "RabbitMQ credentials not renewed",
                metadata: ["rabbitmq.host": "\(endpoint.address)", "error": "\(error)"])
            scheduleRenewal(in: Self.renewalRetry)
        case .success(let credentials):
            scheduleRenewal(within: credentials.lifetime)
            takeOver(credentials)
        }
        endTurn()
    }

    private func takeOver(_ credentials: RabbitMQCredentials) {
        let login = connection.login
        if credentials.username == login.username, credentials.password == login.password { return }
        let isUpdated = credentials.username == login.username && connection.canUpdateSecret
        settings.logger.info(
            "RabbitMQ credentials renewed",
            metadata: [
                "rabbitmq.role": "\(settings.role)", "rabbitmq.user": "\(credentials.username)",
                "rabbitmq.reconnects": "\(!isUpdated)",
            ])
        guard isUpdated else { return replace() }
        let updates = connection.secretUpdates
        connection.updateSecret(credentials.password)
        limitPhase(to: TimeAmount(clamping: settings.configuration.connectTimeout)) { connection in
            guard connection.connection.secretUpdates == updates else { return }
            connection.giveUp("the broker did not answer to a new password")
        }
    }

    /// Another connection takes this one's place when what is under way has finished.
    private func replace() {
        phase = .leaving(.replacement)
        client.drain()
        leave(after: Self.replacingTime)
    }

    /// Asks the provider again before the credentials of now end.
    private func scheduleRenewal(within lifetime: Duration?) {
        guard let lifetime else { return }
        scheduleRenewal(in: lifetime * 0.75)
    }

    private func scheduleRenewal(in time: Duration) {
        renewalTimer?.cancel()
        let signal = settings.renew
        renewalTimer = eventLoop.scheduleTask(in: TimeAmount(clamping: max(time, .milliseconds(100)))) { signal() }
    }
}

/// What the socket reports.
extension BrokerConnection: SocketOwner {
    func received(_ buffer: ByteBuffer) {
        inbox.wakeUps?.runHeld()
        let wasOpen = connection.isOpen
        connection.received(buffer)
        if !wasOpen, connection.isOpen {
            phaseTimer?.cancel()
            startHeartbeat()
            settings.metrics.opened(settings.role)
            scheduleRenewal(within: lifetime)
        }
        endTurn()
        pauseReading()
    }

    func socketEnded(_ reason: String) {
        giveUp(reason)
    }

    func socketWritable() {
        guard connection.isOpen else { return }
        client.writable()
        endTurn()
    }

    private func startHeartbeat() {
        guard let tick = connection.heartbeat.tick else { return }
        let interval = TimeAmount(clamping: tick)
        heartbeatTimer = eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            self.assumeIsolated { connection in
                connection.connection.ticked()
                connection.endTurn()
            }
        }
    }
}
#endif
