import SwitchboardCore
import SwitchboardInProcess

/// Connects to a ``FakeBroker``: the in-process driver, whose connections can be cut, and a broker that can refuse.
final class FakeBrokerDriver: TransportDriver {
    let id: UInt64

    var virtualHost: String { login.virtualHost }

    var capabilities: DriverCapabilities { faulty.capabilities.subtracting(.boundedQueues) }

    private let broker: FakeBroker
    private let login: FakeBrokerLogin
    private let faulty: FaultyDriver
    /// Those of the present connection, or of the attempt to have one.
    private let signals = Locked<ConnectionSignals?>(nil)

    init(_ url: TransportURL, of broker: FakeBroker) throws(TransportError) {
        id = broker.makeID()
        login = FakeBrokerLogin(url)
        self.broker = broker
        let options = broker.configuration.queueLimit.map { [TransportURL.Option("queue_limit", "\($0)")] } ?? []
        let inner = TransportURL(
            scheme: "fake", hosts: [.init(name: Self.host)], virtualHost: login.virtualHost, options: options)
        faulty = FaultyDriver(try InProcessDriver(inner, network: broker.network, refusesOverflow: true))
    }

    private static let host = "broker"

    /// What the in-process network calls a virtual host.
    static func world(_ virtualHost: String) -> String { "\(host)/\(virtualHost)" }

    func runInBackground() async {
        await faulty.runInBackground()
        broker.forget(self)
    }

    /// Logs in. What the broker refuses after a good connection may pass, as with the RabbitMQ driver.
    func connect(
        _ role: ConnectionRole, signals: ConnectionSignals
    ) async throws(ConnectionFailure) -> any DriverConnection {
        self.signals.withLock { $0 = signals }
        broker.join(self)
        let base = try await faulty.connect(role, signals: signals)
        let failure: ConnectionFailure
        switch broker.admit(id, login) {
        case .taken:
            tellAlarm()
            return FakeBrokerConnection(base, self, broker, signals)
        case .later(let reason): failure = ConnectionFailure(reason)
        case .refused(let closure):
            let reason = "the fake broker refuses \(login.username) at virtual host \(login.virtualHost): \(closure)"
            failure = ConnectionFailure(
                TransportError(.refused, "T\(reason.dropFirst())."), reason: reason, retry: .unlessFirst)
        }
        await base.close()
        throw failure
    }

    // MARK: What happens at the broker

    func close(_ closure: BrokerClosure, outage: Duration) {
        broker.leave(id)
        faulty.dropConnection(outage: outage, reason: "the broker closed the connection: \(closure)")
    }

    func stall(for duration: Duration) {
        faulty.halfOpen(for: duration)
    }

    func brokerHasChanged() {
        tellAlarm()
        signals.withLock { $0 }?.send(.tryAgain)
    }

    /// Says whether the broker takes messages, and again if that has changed meanwhile.
    private func tellAlarm() {
        guard let signals = signals.withLock({ $0 }) else { return }
        var told: String??
        while case let alarm = broker.alarm, told != .some(alarm) {
            signals.send(.blocked(reason: alarm))
            told = .some(alarm)
        }
    }
}

/// A connection that the broker has let in.
private final class FakeBrokerConnection: DriverConnection {
    private let base: any DriverConnection
    private let driver: FakeBrokerDriver
    private let broker: FakeBroker
    private let signals: ConnectionSignals

    init(
        _ base: any DriverConnection, _ driver: FakeBrokerDriver, _ broker: FakeBroker, _ signals: ConnectionSignals
    ) {
        self.base = base
        self.driver = driver
        self.broker = broker
        self.signals = signals
    }

    func publish(_ publish: Publish) {
        if let error = refusal(of: publish) { return publish.finish(.failed(error)) }
        guard let limit = broker.configuration.queueLimit else { return base.publish(publish) }
        base.publish(
            publish.relayed { outcome in
                guard case .failed(let error) = outcome, error.code == .exhausted else {
                    return publish.finish(outcome)
                }
                let nack = TransportError(
                    .exhausted,
                    "The broker did not take a message to \(publish.address) (basic.nack): its queue holds \(limit) "
                        + "messages already.")
                publish.finish(.failed(nack))
            })
    }

    private func refusal(of publish: Publish) -> TransportError? {
        let (size, limit) = (publish.message.body.count, broker.configuration.maximumMessageSize)
        if size > limit {
            return TransportError(
                .messageTooLarge,
                "The broker refused a message to \(publish.address): 406 PRECONDITION_FAILED - message size \(size) is "
                    + "larger than configured max size \(limit).")
        }
        guard let closure = broker.refusal(publishingTo: publish.address) else { return nil }
        let code: TransportError.Code =
            switch closure.code {
            case 403: .refused
            case 404: .unroutable
            case 406: .conflict
            default: .internalError
            }
        return TransportError(code, "The broker refused a message to \(publish.address): \(closure).")
    }

    func subscribe(_ subscription: Subscription) {
        // One that was live is the broker's already.
        guard !subscription.hasBeenLive, let closure = broker.refusal(subscribingTo: subscription.address) else {
            return base.subscribe(subscription)
        }
        let error = TransportError(
            closure.code == 403 ? .refused : .conflict,
            "The broker refuses the subscription to \(subscription.address): \(closure).")
        signals.send(.failed(subscription, error))
    }

    func unsubscribe(_ subscription: Subscription) {
        base.unsubscribe(subscription)
    }

    func close() async {
        await base.close()
        broker.leave(driver.id)
    }
}
