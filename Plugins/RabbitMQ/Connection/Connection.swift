#if RabbitMQ
import Logging
import NIOCore
import NIOPosix
import SwitchboardCore

/// One of a driver's two connections: connects, logs in, hands over to its client, and does it again after a loss.
///
/// Its executor is an event loop, so that all of its state, its client and librabbitmq's memory are touched by one
/// thread, and the compiler proves it. There is one connection slot: the next attempt begins after the socket of the
/// last one is closed, so nothing can leak or pile up.
actor Connection<Client: ConnectionClient> {
    nonisolated let eventLoop: any EventLoop
    private nonisolated let executor: UnownedSerialExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor }

    private nonisolated let inbox: Inbox<Client.Command>
    nonisolated let settings: ConnectionSettings
    let client: Client

    var link: Link?
    /// Where the present link leads.
    private(set) var endpoint: Endpoint?
    private(set) var generation: UInt64 = 0
    private var attempt = 1
    private var lastReason: String?
    private var finished: CheckedContinuation<ConnectionLoss, Never>?
    private var isClosing = false
    /// Whether this link began with the knowledge that the broker takes no transient queues.
    private var wasAdapted = false
    private(set) var isStopping = false
    /// Whether this link ends because other credentials need another one.
    var isReplacing = false
    /// Whether credentials have changed since this link's were asked for.
    var needsRenewal = false
    private var isRunning = false
    private var reported = ConnectionStatus.idle
    private var blockedSince: ContinuousClock.Instant?
    /// Of the present link's credentials.
    private(set) var lifetime: Duration?
    /// When the present link had everything that a working connection has, or was blocked.
    private var readyAt: ContinuousClock.Instant?
    /// Ends when the next attempt is due.
    private var pause: Task<Void, Never>?
    private var isFlushScheduled = false
    /// The shortest time to the next look at deadlines.
    private var deadlinePause = Duration.milliseconds(2)
    private var deadlineTimer: (task: Scheduled<Void>, at: ContinuousClock.Instant)?
    var phaseTimer: Scheduled<Void>?
    var renewalTimer: Scheduled<Void>?
    var heartbeatTimer: RepeatedTask?

    /// How long a stopping connection waits for confirms, and then for the broker's goodbye.
    private static var goodbyeTime: TimeAmount { .seconds(2) }

    init(
        settings: ConnectionSettings, eventLoop: any EventLoop, inbox: Inbox<Client.Command>, client: sending Client
    ) {
        self.settings = settings
        self.eventLoop = eventLoop
        self.executor = eventLoop.executor.asUnownedSerialExecutor()
        self.inbox = inbox
        self.client = client
        inbox.onItems { [weak self] in self?.assumeIsolated { $0.drainInbox() } }
    }

    private func drainInbox() {
        performCommands()
        // Now: whatever else came in this turn of the loop is in it, and callers wait for nothing but this.
        if let link {
            link.flush()
            resumeClient(link)
        }
        endTurn()
    }

    private func performCommands() {
        for command in inbox.takeAll() { client.perform(command) }
    }

    // MARK: Life

    /// Stays connected until its task is cancelled. Throws what trying again does not repair.
    func run() async throws(TransportError) {
        isRunning = true
        var generator = SystemRandomNumberGenerator()
        var dialing = Dialing(
            settings.endpoints, first: settings.firstDelay, most: settings.maximumDelay, using: &generator)
        while !Task.isCancelled {
            let endpoint = dialing.next()
            let begin = ContinuousClock.now
            readyAt = nil
            let (loss, username) = await connectOnce(to: endpoint)
            if !Task.isCancelled, !isReplacing { settings.metrics.lost(settings.role, loss) }
            if Task.isCancelled, !loss.isRefusal { break }
            if isReplacing, !loss.isRefusal {
                lastReason = "the credentials have changed"
                report()
                continue
            }
            if loss.refusesTransientQueues, adapt(to: endpoint) {
                // At once, as other queues are declared now.
                lastReason = "\(endpoint.address): \(loss.reason)"
                self.attempt += 1
                report()
                continue
            }
            let attempt = Dialing.Attempt(
                loss: loss, ready: readyAt?.duration(to: .now), lasted: begin.duration(to: .now), isNews: isNews(loss))
            let outcome = dialing.outcome(of: attempt, at: endpoint)
            lastReason = "\(endpoint.address): \(loss.reason)"
            self.attempt += 1
            settings.log.lost(loss, at: endpoint, outcome, settings.role)
            switch dialing.step(after: outcome, using: &generator) {
            case .end:
                let error = TransportError(refused: endpoint, username, loss)
                end(error)
                throw error
            case .connect(let pause):
                report()
                await wait(pause)
            }
        }
        end(TransportError(.closed, "The RabbitMQ transport was shut down."))
    }

    /// Whether what the broker refuses was never there, so that it will not pass.
    private func isNews(_ loss: ConnectionLoss) -> Bool {
        loss.refusal == .declaration ? client.wasSettingUpNews : !settings.hasBeenReady()
    }

    /// Waits before the next attempt; ``endPause()`` ends that.
    private func wait(_ time: Duration) async {
        guard time > .zero, !Task.isCancelled else { return }
        let pause = Task { _ = try? await Task.sleep(for: time) }
        self.pause = pause
        await withTaskCancellationHandler {
            await pause.value
        } onCancel: {
            pause.cancel()
        }
        self.pause = nil
    }

    /// Something has changed that the next attempt may profit from.
    func endPause() {
        pause?.cancel()
    }

    /// Whether what is declared from here on is something else than what the broker has just refused.
    private func adapt(to endpoint: Endpoint) -> Bool {
        if settings.demands.refuseTransientQueues() {
            settings.logger.notice(
                "The broker takes no transient queues: durable ones are declared instead",
                metadata: [
                    "rabbitmq.host": "\(endpoint.address)",
                    "rabbitmq.hint":
                        "amqp_durable_queues=true and rabbit_transient_queues_durable=true say so from the start",
                ])
            return true
        }
        // The driver's other connection may have found it out meanwhile.
        return !wasAdapted
    }

    /// Everything fails with `error` from here on: the broker refused this connection, or the driver's other one.
    func end(_ error: TransportError) {
        // From here on it is no loss to report.
        isRunning = false
        lastReason = error.message
        client.ended(error)
        endTurn()
        // It would keep this connection until a deadline that nobody waits for any more.
        deadlineTimer?.task.cancel()
        deadlineTimer = nil
        settings.report(.closed)
    }

    /// Returns when the connection is over and its socket is closed.
    private func connectOnce(to endpoint: Endpoint) async -> (ConnectionLoss, username: String) {
        report()
        self.endpoint = endpoint
        isReplacing = false
        needsRenewal = false
        let credentials: RabbitMQCredentials
        do {
            credentials = try await settings.credentials(for: endpoint)
        } catch {
            return (ConnectionLoss("the provider of credentials failed: \(error)"), endpoint.username ?? "")
        }
        await settings.refreshTLS()
        generation += 1
        let generation = generation
        isClosing = false
        wasAdapted = settings.demands.refusesTransientQueues
        lifetime = credentials.lifetime
        link = Link(settings.login(credentials, to: endpoint), client: client)
        let loss = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                finished = continuation
                if Task.isCancelled { stop(generation) } else { open(endpoint, generation) }
            }
        } onCancel: {
            eventLoop.execute { self.assumeIsolated { $0.stop(generation) } }
        }
        return (loss, credentials.username)
    }

    private func open(_ endpoint: Endpoint, _ generation: UInt64) {
        phaseTimer = schedule(in: TimeAmount(clamping: settings.configuration.connectTimeout)) {
            connection in
            connection.giveUp("connecting and logging in took too long", generation)
        }
        do {
            try settings.connect(to: endpoint, on: eventLoop, owner: self, generation: generation).whenComplete {
                result in
                self.assumeIsolated { $0.connected(result, generation) }
            }
        } catch {
            giveUp("TLS cannot be set up: \(error)", generation)
        }
    }

    private func connected(_ result: Result<any Channel, any Error>, _ generation: UInt64) {
        switch result {
        case .success(let channel):
            guard generation == self.generation, let link, link.loss == nil else {
                channel.close(promise: nil)
                return
            }
            link.connected(channel)
            endTurn()
        case .failure(let error):
            giveUp(ConnectFailure.describe(error), generation)
        }
    }

    func giveUp(_ reason: String, _ generation: UInt64) {
        guard generation == self.generation else { return }
        link?.end(reason)
        endTurn()
    }

    /// The task was cancelled: what is under way may finish for a moment, then the broker is told.
    private func stop(_ generation: UInt64) {
        guard generation == self.generation, !isStopping else { return }
        isStopping = true
        performCommands()
        client.stop(TransportError(.closed, "The RabbitMQ transport is shutting down."))
        leave(after: Self.goodbyeTime, generation)
        endTurn()
    }

    /// Says goodbye to the broker when the client is idle, or when `time` has passed.
    func leave(after time: TimeAmount, _ generation: UInt64) {
        phaseTimer?.cancel()
        phaseTimer = schedule(in: time) { connection in
            guard generation == connection.generation else { return }
            connection.link?.close()
            connection.endTurn()
            connection.phaseTimer = connection.schedule(in: Self.goodbyeTime) { connection in
                connection.giveUp("the broker did not answer the goodbye", generation)
            }
        }
    }

    // MARK: The end of a turn

    /// Whatever happened: callers that are done go on, gathered bytes go out, timers and the reported state fit.
    func endTurn() {
        client.finishTurn()
        if isStopping || isReplacing, client.isIdle { link?.close() }
        if let link, link.loss != nil {
            closeSocket(link)
        } else if link?.hasOutput == true, !isFlushScheduled {
            // Not at once: other work of this turn of the loop adds to the same write.
            isFlushScheduled = true
            eventLoop.execute { self.assumeIsolated { $0.flush() } }
        }
        armDeadlineTimer()
        report()
    }

    private func flush() {
        isFlushScheduled = false
        guard let link else { return }
        link.flush()
        resumeClient(link)
        endTurn()
    }

    /// Our own limit may have stopped the client, of which NIO tells nothing.
    private func resumeClient(_ link: Link) {
        if link.canWrite { client.writable() }
    }

    private func closeSocket(_ link: Link) {
        guard !isClosing, let loss = link.loss else { return }
        isClosing = true
        phaseTimer?.cancel()
        phaseTimer = nil
        heartbeatTimer?.cancel()
        heartbeatTimer = nil
        renewalTimer?.cancel()
        renewalTimer = nil
        guard let closed = link.closeSocket() else { return finish(loss) }
        closed.whenComplete { _ in self.assumeIsolated { $0.finish(loss) } }
    }

    private func finish(_ loss: ConnectionLoss) {
        link = nil
        finished?.resume(returning: loss)
        finished = nil
    }

    private func armDeadlineTimer() {
        guard let next = client.nextDeadline else { return }
        if let deadlineTimer {
            if deadlineTimer.at <= next { return }
            deadlineTimer.task.cancel()
        }
        let wait = max(ContinuousClock.now.duration(to: next), deadlinePause)
        let task = schedule(in: TimeAmount(clamping: wait)) { connection in
            connection.deadlineTimer = nil
            connection.performCommands()
            connection.expire()
            connection.endTurn()
        }
        deadlineTimer = (task, next)
    }

    /// Deadlines that lie close together are looked at together: the more there is to look at, the more of them, so that a
    /// program with much more to send than the broker takes does not spend its time with looking.
    private func expire() {
        let begin = ContinuousClock.now
        client.expire(begin)
        deadlinePause = min(max(begin.duration(to: .now) * 20, .milliseconds(2)), .milliseconds(50))
    }

    func schedule(
        in delay: TimeAmount, _ body: @escaping @Sendable (isolated Connection) -> Void
    ) -> Scheduled<Void> {
        eventLoop.scheduleTask(in: delay) { self.assumeIsolated { body($0) } }
    }

    /// Measures how long the broker takes no messages.
    private func noteBlocking(_ status: ConnectionStatus) {
        if case .blocked = status {
            blockedSince = blockedSince ?? .now
        } else if let since = blockedSince {
            blockedSince = nil
            settings.metrics.wasBlocked(for: since.duration(to: .now))
        }
    }

    private func report() {
        // A loss is reported when its socket is closed, with the reason.
        guard isRunning, link?.loss == nil else { return }
        let status: ConnectionStatus
        if let reason = link?.blockedReason {
            readyAt = readyAt ?? .now
            status = .blocked(reason)
        } else if link?.isOpen == true, client.isReady {
            attempt = 0
            readyAt = readyAt ?? .now
            status = .ready
        } else {
            let reason = link?.isOpen == true ? client.unreadyReason : nil
            status = .connecting(attempt: attempt, reason: reason ?? lastReason)
        }
        guard status != reported else { return }
        noteBlocking(status)
        reported = status
        if status == .ready { settings.log.ready(settings.role) }
        settings.report(status)
    }
}
#endif
