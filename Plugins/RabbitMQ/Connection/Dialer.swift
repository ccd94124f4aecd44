#if RabbitMQ
import Logging
import NIOCore
import SwitchboardCore
import Synchronization

/// Makes a driver's connections: chooses hosts, asks for credentials, and tells what a failure means.
final class Dialer: Sendable {
    typealias Role = ConnectionSettings.Role

    /// Where the connection of one role stands, for credentials that change.
    private enum Stage: Sendable {
        case none
        /// - Parameter isStale: whether credentials have changed since they were asked for.
        case connecting(ConnectionSignals, isStale: Bool)
        case open(@Sendable () async -> Void)
    }

    private struct State {
        var dialing: [Role: Dialing]
        var stages: [Role: Stage] = [:]
        var hasBeenReady = false
    }

    private let configuration: RabbitMQConfiguration
    private let tls: TLSClient?
    private let demands: BrokerDemands
    private let metrics: DriverMetrics
    private let logger: Logger
    private let log: ConnectionLog
    private let renewal: CredentialRenewal?
    private let state: Locked<State>

    init(
        _ endpoints: [Endpoint], _ configuration: RabbitMQConfiguration, tls: TLSClient?, demands: BrokerDemands,
        metrics: DriverMetrics, logger: Logger
    ) {
        self.configuration = configuration
        self.tls = tls
        self.demands = demands
        self.metrics = metrics
        self.logger = logger
        log = ConnectionLog(logger)
        renewal = configuration.credentials.map { CredentialRenewal($0) }
        var generator = SystemRandomNumberGenerator()
        state = Locked(
            State(dialing: [
                .publish: Dialing(endpoints, using: &generator), .consume: Dialing(endpoints, using: &generator),
            ]))
    }

    /// Connects to the next host, once.
    func connect<Client: ConnectionClient>(
        _ role: Role, _ inbox: Inbox<Client.Command>, _ signals: ConnectionSignals, client: () -> sending Client
    ) async throws(ConnectionFailure) -> BrokerConnection<Client> {
        let endpoint = state.withLock { state in
            state.stages[role] = .connecting(signals, isStale: false)
            return state.dialing[role]!.next()
        }
        let settings = settings(role)
        let credentials: RabbitMQCredentials
        do {
            credentials = try await settings.credentials(for: endpoint)
        } catch {
            let loss = ConnectionLoss("the provider of credentials failed: \(error)")
            throw failure(loss, Attempt(role, endpoint, endpoint.username ?? "", wasAdapted: true))
        }
        await settings.refreshTLS()
        let attempt = Attempt(
            role, endpoint, credentials.username, wasAdapted: demands.refusesTransientQueues)
        let connection = BrokerConnection(
            to: endpoint, as: credentials, settings: settings, inbox: inbox, client: client()
        ) { loss, wasSettingUpNews in
            var attempt = attempt
            attempt.wasReady = true
            attempt.wasSettingUpNews = wasSettingUpNews
            // What changes from now on is for the next attempt, which needn't wait then.
            self.state.withLock { $0.stages[role] = .connecting(signals, isStale: false) }
            signals.send(.lost(self.failure(loss, attempt)))
        }
        if let loss = await connection.open() { throw failure(loss, attempt) }
        opened(connection, role)
        return connection
    }

    private func settings(_ role: Role) -> ConnectionSettings {
        ConnectionSettings(
            role: role, configuration: configuration, tls: tls, metrics: metrics, logger: logger,
            renew: { [renewal] in renewal?.signal() })
    }

    private func opened<Client>(_ connection: BrokerConnection<Client>, _ role: Role) {
        log.ready(role)
        let isStale = state.withLock { state in
            state.hasBeenReady = true
            state.dialing[role]!.succeeded()
            defer { state.stages[role] = .open { [weak connection] in await connection?.renewCredentials() } }
            guard case .connecting(_, let isStale) = state.stages[role] else { return false }
            return isStale
        }
        if isStale { renewal?.signal() }
    }

    // MARK: Failures

    private struct Attempt: Sendable {
        let role: Role
        let endpoint: Endpoint
        let username: String
        /// Whether it began with the knowledge that the broker takes no transient queues.
        let wasAdapted: Bool
        var wasReady = false
        var wasSettingUpNews = false

        init(_ role: Role, _ endpoint: Endpoint, _ username: String, wasAdapted: Bool) {
            self.role = role
            self.endpoint = endpoint
            self.username = username
            self.wasAdapted = wasAdapted
        }
    }

    /// What a loss means.
    private func failure(_ loss: ConnectionLoss, _ attempt: Attempt) -> ConnectionFailure {
        let (role, endpoint) = (attempt.role, attempt.endpoint)
        if loss.isReplacement { return ConnectionFailure(loss.reason, retry: .atOnce) }
        if !Task.isCancelled { metrics.lost(role, loss) }
        let reason = "\(endpoint.address): \(loss.reason)"
        // At once, as other queues are declared now.
        if loss.refusesTransientQueues, adapts(after: attempt) { return ConnectionFailure(reason, retry: .atOnce) }
        let (retry, hasBeenReady) = state.withLock { state in
            let retry = state.dialing[role]!.retry(
                after: loss, at: endpoint, wasReady: attempt.wasReady, wasSettingUpNews: attempt.wasSettingUpNews)
            return (retry, state.hasBeenReady)
        }
        log.lost(loss, at: endpoint, retry, hasBeenReady: hasBeenReady, role)
        guard loss.isRefusal else { return ConnectionFailure(reason, retry: retry) }
        return ConnectionFailure(
            BrokerErrors.refused(endpoint, attempt.username, loss), reason: reason, retry: retry)
    }

    /// Whether what is declared from here on is something else than what the broker has just refused.
    private func adapts(after attempt: Attempt) -> Bool {
        if demands.refuseTransientQueues() {
            logger.notice(
                "The broker takes no transient queues: durable ones are declared instead",
                metadata: [
                    "rabbitmq.host": "\(attempt.endpoint.address)",
                    "rabbitmq.hint":
                        "amqp_durable_queues=true and rabbit_transient_queues_durable=true say so from the start",
                ])
            return true
        }
        // The driver's other connection may have found it out meanwhile.
        return !attempt.wasAdapted
    }

    // MARK: Credentials

    /// Has the connections take over credentials that change, until the task is cancelled.
    func renewCredentials() async {
        await renewal?.run {
            for role in [Role.publish, .consume] { await renew(role) }
        }
    }

    private func renew(_ role: Role) async {
        let stage = state.withLock { state in
            // It may be logging in with the old ones, or wait after these were refused.
            if case .connecting(let signals, _) = state.stages[role] {
                state.stages[role] = .connecting(signals, isStale: true)
            }
            return state.stages[role] ?? .none
        }
        switch stage {
        case .none: break
        case .connecting(let signals, _): signals.send(.tryAgain)
        case .open(let renew): await renew()
        }
    }
}
#endif
