import SwitchboardCore
import SwitchboardInProcess

/// A connection to a ``FakeBroker``: the in-process driver, behind a line that can be cut and a broker that can refuse.
final class FakeBrokerDriver: TransportDriver {
    let monitor = TransportMonitor()
    let id: UInt64

    var virtualHost: String { login.virtualHost }

    var capabilities: DriverCapabilities { faulty.capabilities.subtracting(.boundedQueues) }

    private let broker: FakeBroker
    private let login: FakeBrokerLogin
    private let faulty: FaultyDriver
    private let phase: Watched<Phase>

    private enum Phase: Sendable {
        /// Not let in yet.
        case before
        case open
        /// `run()` has ended; why, where it was not asked to.
        case over(TransportError?)

        var isBefore: Bool { if case .before = self { true } else { false } }

        var failure: TransportError? { if case .over(let error) = self { error } else { nil } }
    }

    init(_ url: TransportURL, of broker: FakeBroker) throws(TransportError) {
        let (id, login) = (broker.makeID(), FakeBrokerLogin(url))
        let phase = Watched(Phase.before)
        self.id = id
        self.login = login
        self.broker = broker
        self.phase = phase
        let options = broker.configuration.queueLimit.map { [TransportURL.Option("queue_limit", "\($0)")] } ?? []
        let inner = TransportURL(
            scheme: "fake", hosts: [.init(name: Self.host)], virtualHost: login.virtualHost, options: options)
        // What states are reported to once there has been a connection.
        let line = Locked<TransportMonitor?>(nil)
        faulty = FaultyDriver(
            NackingDriver(try InProcessDriver(inner, network: broker.network), broker.configuration.queueLimit),
            plan: FaultPlan(), clock: ContinuousClock()
        ) {
            try await Self.connect(id, login, broker, phase) { state in line.withLock { $0 }?.report(state) }
        }
        line.withLock { $0 = faulty.monitor }
    }

    private static let host = "broker"

    /// What the in-process network calls a virtual host.
    static func world(_ virtualHost: String) -> String { "\(host)/\(virtualHost)" }

    // MARK: The connection

    /// Logs in, as often as it takes; throws when the broker refuses the first login. What it refuses after a good connection
    /// may pass, as with the RabbitMQ driver.
    private static func connect(
        _ id: UInt64, _ login: FakeBrokerLogin, _ broker: FakeBroker, _ phase: Watched<Phase>,
        report: @Sendable (TransportState) -> Void
    ) async throws {
        var attempt = 1
        while true {
            try Task.checkCancellation()
            let admission = broker.admit(id, login)
            let reason: String
            switch admission {
            case .taken: return phase.change { $0 = .open }
            case .refused(let closure):
                reason = "the fake broker refuses \(login.username) at virtual host \(login.virtualHost): \(closure)"
                guard phase.value.isBefore else { break }
                let error = TransportError(.refused, "T\(reason.dropFirst()).")
                phase.change { $0 = .over(error) }
                throw error
            case .later(let why): reason = why
            }
            report(.connecting(attempt: attempt, reason: reason))
            attempt += 1
            let configuration = broker.configuration
            _ = await broker.state.wait { login.admission($0, configuration, id) != admission }
        }
    }

    func close(_ closure: BrokerClosure, outage: Duration) {
        broker.leave(id, forGood: false)
        faulty.dropConnection(outage: outage, reason: "the broker closed the connection: \(closure)")
    }

    func stall(for duration: Duration) {
        faulty.halfOpen(for: duration)
    }

    func run() async throws {
        monitor.report(.connecting(attempt: 1, reason: nil))
        defer {
            broker.leave(id, forGood: true)
            let failure: TransportError? = phase.change { phase in
                if phase.failure == nil { phase = .over(nil) }
                return phase.failure
            }
            monitor.report(.closed(reason: failure.map { "\($0)" }))
        }
        do {
            try await Self.connect(id, login, broker, phase) { monitor.report($0) }
            broker.join(self)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await self.faulty.run() }
                group.addTask { await self.reportStates() }
                group.addTask { await self.reportAlarms() }
                defer { group.cancelAll() }
                try await group.next()
            }
        } catch is CancellationError {
            // Cancelled is how a driver ends.
        }
    }

    private func reportStates() async {
        for await state in faulty.monitor.states() {
            if case .closed = state { break }
            monitor.report(seen(state, broker.state.value.alarms))
        }
        await forever()
    }

    private func reportAlarms() async {
        var known: Set<FakeBroker.Alarm> = []
        while !Task.isCancelled {
            let before = known
            guard await broker.state.wait(for: { $0.alarms != before }) else { return }
            known = broker.state.value.alarms
            monitor.report(seen(faulty.monitor.state, known))
        }
    }

    private func seen(_ state: TransportState, _ alarms: Set<FakeBroker.Alarm>) -> TransportState {
        guard state == .ready, let alarm = alarms.map(\.rawValue).min() else { return state }
        return .blocked(reason: alarm)
    }

    private func forever() async {
        let (forever, _) = AsyncStream.makeStream(of: Never.self)
        for await _ in forever {}
    }

    // MARK: Publishing

    func publish(_ message: Message, to address: Address, options: PublishOptions) async throws(TransportError) {
        try await waitUntilLetIn(address, options.deadline)
        try await waitForAlarms(address, options.deadline)
        let limit = broker.configuration.maximumMessageSize
        if message.body.count > limit {
            throw TransportError(
                .messageTooLarge,
                "The broker refused a message to \(address): 406 PRECONDITION_FAILED - message size "
                    + "\(message.body.count) is larger than configured max size \(limit).")
        }
        if let closure = broker.state.value.publishRefusals[address] {
            let code: TransportError.Code =
                switch closure.code {
                case 403: .refused
                case 404: .unroutable
                case 406: .conflict
                default: .internalError
                }
            throw TransportError(code, "The broker refused a message to \(address): \(closure).")
        }
        do {
            try await faulty.publish(message, to: address, options: options)
        } catch {
            // What may have been taken stays so, whatever the next login came to.
            guard error.code != .indeterminate, let failure = phase.value.failure else { throw error }
            throw failure
        }
    }

    /// Waits for the first login, and throws what it came to.
    private func waitUntilLetIn(
        _ address: Address, _ deadline: ContinuousClock.Instant?
    ) async throws(TransportError) {
        guard await phase.wait(until: deadline, for: { !$0.isBefore }) else {
            if Task.isCancelled {
                throw TransportError(.cancelled, "The task was cancelled before the fake broker was reached.")
            }
            throw TransportError(
                .unavailable,
                "The fake broker was not reached until the deadline of \(address): it is \(monitor.state).")
        }
        if case .over(let error) = phase.value {
            throw error ?? TransportError(.closed, "The connection to the fake broker was closed: its run() has ended.")
        }
    }

    private func waitForAlarms(_ address: Address, _ deadline: ContinuousClock.Instant) async throws(TransportError) {
        guard let alarm = broker.state.value.alarms.map(\.rawValue).min() else { return }
        if await broker.state.wait(until: deadline, for: { $0.alarms.isEmpty }) { return }
        if Task.isCancelled {
            throw TransportError(.cancelled, "The task was cancelled before a message to \(address) was sent.")
        }
        throw TransportError(
            .exhausted,
            "A message to \(address) was not sent: the broker takes no messages (\(alarm)) until its deadline.")
    }

    // MARK: Subscribing

    func withSubscription<Result: Sendable>(
        to address: Address, options: SubscriptionOptions, _ body: (Deliveries) async throws -> Result
    ) async throws -> Result {
        try await waitUntilLetIn(address, options.deadline)
        if let closure = broker.state.value.subscribeRefusals[address] {
            throw TransportError(
                closure.code == 403 ? .refused : .conflict,
                "The broker refuses the subscription to \(address): \(closure).")
        }
        do {
            return try await faulty.withSubscription(to: address, options: options, body)
        } catch let error as TransportError where error.code == .closed {
            throw phase.value.failure ?? error
        }
    }
}
