#if RabbitMQ
public import Logging
import NIOCore
public import SwitchboardCore
import Synchronization

/// Moves bytes through RabbitMQ, with oslo.messaging's queues and exchanges.
///
/// It has two connections, one for publishing and one for consuming, because the broker throttles publishing
/// connections and acknowledgements must not wait behind that. Both use the process's single event loop for RabbitMQ.
public final class RabbitMQDriver: TransportDriver {
    public let capabilities: DriverCapabilities
    public let roles: [ConnectionRole] = [.publishing, .consuming]
    public let backoff: ReconnectBackoff
    /// Whatever the scheme of the URL is.
    public let messagingSystem: String? = "rabbitmq"

    private let configuration: RabbitMQConfiguration
    private let topology: Topology
    private let demands: BrokerDemands
    private let errors: BrokerErrors
    private let dialer: Dialer
    private let declarations = DeclarationMemory()
    private let metrics: DriverMetrics
    private let eventLoop: any EventLoop
    private let names: QueueNames
    /// The names of our reply queues, which are taken for as long as this driver lives.
    private let replyNames = Locked<[QueueName]>([])
    private let logger: Logger

    /// Creates a driver for a URL. Checks the options of its query and the files that they name, and doesn't connect.
    public convenience init(
        _ url: TransportURL, configuration: RabbitMQConfiguration = .osloDefaults, logger: Logger
    ) throws(TransportError) {
        try self.init(url, configuration: configuration, metrics: DriverMetrics(), logger: logger)
    }

    init(
        _ url: TransportURL, configuration: RabbitMQConfiguration = .osloDefaults, metrics: DriverMetrics,
        logger: Logger
    ) throws(TransportError) {
        let configuration = try OsloOptions.apply(url, to: configuration)
        let tls: TLSClient? = if let options = configuration.tls { try TLSClient(options) } else { nil }
        if let options = configuration.tls, !options.verifiesHostName {
            logger.warning(
                "TLS does not check the broker's host name (ssl_enforce_hostname_verification)",
                metadata: ["transport.url": "\(url)"])
        }
        if configuration.topology.makesQuorumQueuesForEach {
            logger.warning(
                "Each start makes new quorum queues for fanouts and replies, which clusters do not take for long",
                metadata: [
                    "transport.url": "\(url)", "rabbitmq.hint": "use_queue_manager=true gives them names that stay",
                ])
        }
        self.configuration = configuration
        self.metrics = metrics
        self.logger = logger
        topology = Topology(configuration.topology, directRequests: configuration.directRequests)
        demands = BrokerDemands(configuration.topology)
        errors = BrokerErrors(url: url.description, topology: configuration.topology)
        dialer = Dialer(
            Endpoint.all(of: url, usesTLS: tls != nil), configuration, tls: tls, demands: demands, metrics: metrics,
            logger: logger)
        eventLoop = EventLoops.next()
        names = QueueNames(configuration.topology)
        backoff = ReconnectBackoff(
            shortest: configuration.firstReconnectDelay, longest: configuration.maximumReconnectDelay)
        var capabilities: DriverCapabilities = [
            .interprocess, .redelivery, .ordered, .detectsUnroutable, .expires, .reconnects,
        ]
        if configuration.topology.durableQueues || configuration.topology.quorumQueues {
            capabilities.insert(.durable)
        }
        if configuration.topology.quorumQueues {
            capabilities.formUnion([.countsAttempts, .limitsAttempts])
            // Without a limit, before RabbitMQ 4.0, what comes back goes to the end of a quorum queue.
            if configuration.topology.quorumDeliveryLimit == nil { capabilities.remove(.ordered) }
        }
        if !configuration.topology.stableNames, !configuration.topology.streamFanout {
            capabilities.insert(.ephemeralFanouts)
        }
        self.capabilities = capabilities
    }

    public func connect(
        _ role: ConnectionRole, signals: ConnectionSignals
    ) async throws(ConnectionFailure) -> any DriverConnection {
        if role.consumes {
            let inbox = Inbox<ConsumeCommand>(eventLoop: eventLoop, wakeUps: EventLoops.wakeUps)
            let connection = try await dialer.connect(.consume, inbox, signals) { consumer(inbox, signals) }
            return ConsumingConnection(connection, signals, names: names, topology: topology)
        }
        let inbox = Inbox<Publish>(eventLoop: eventLoop, wakeUps: EventLoops.wakeUps)
        let connection = try await dialer.connect(.publish, inbox, signals) { publisher(signals) }
        signals.send(
            .window(
                messages: max(1, configuration.maximumUnconfirmed),
                bytes: max(1, configuration.maximumUnconfirmedBytes)))
        return PublishingConnection(connection)
    }

    private func publisher(_ signals: ConnectionSignals) -> sending Publisher {
        Publisher(
            topology: topology, demands: demands, memory: declarations, metrics: metrics, errors: errors,
            answerTime: configuration.answerTimeout,
            unread: UnreadConfirms(
                ofWindow: configuration.maximumUnconfirmed, bytes: configuration.maximumUnconfirmedBytes),
            signals: signals, logger: logger)
    }

    private func consumer(_ inbox: Inbox<ConsumeCommand>, _ signals: ConnectionSignals) -> sending Consumer {
        let settings = ConsumerContext.Settings(
            maximumMessageSize: configuration.maximumMessageSize,
            prefetchLimit: configuration.maximumPrefetch ?? 65535,
            selfCheckInterval: configuration.selfCheckInterval, answerTimeout: configuration.answerTimeout)
        return Consumer(
            ConsumerContext(
                settings, errors: errors, inbox: inbox, demands: demands, metrics: metrics, signals: signals,
                logger: logger))
    }

    public func runInBackground() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [names, logger] in await names.keep(logger: logger) }
            group.addTask { [dialer] in await dialer.renewCredentials() }
        }
    }

    /// Whether the broker has refused transient queues, and gets durable ones.
    var refusesTransientQueues: Bool { demands.refusesTransientQueues }

    public var taskExecutor: (any TaskExecutor)? { EventLoops.taskExecutor }

    /// With stable names, host, program and a number as in a fanout queue's name (`use_queue_manager`).
    public func makeMailbox() -> Mailbox {
        do {
            guard let name = try names.nextForReplies() else { return .unique() }
            replyNames.withLock { $0.append(name) }
            return Mailbox(named: "reply_\(name.suffix)")
        } catch {
            // Replies come by any name.
            logger.warning("A reply queue gets a name by chance", metadata: ["error": "\(error)"])
            return .unique()
        }
    }
}

/// A connection that publishes, for `Transport`.
private final class PublishingConnection: DriverConnection {
    private let connection: BrokerConnection<Publisher>

    init(_ connection: BrokerConnection<Publisher>) {
        self.connection = connection
    }

    func publish(_ publish: Publish) {
        connection.inbox.submit(publish)
    }

    func subscribe(_ subscription: Subscription) {
        preconditionFailure("A publishing connection has no subscriptions.")
    }

    func unsubscribe(_ subscription: Subscription) {}

    func close() async {
        await connection.close()
    }
}

/// A connection that consumes, for `Transport`.
private final class ConsumingConnection: DriverConnection {
    private let connection: BrokerConnection<Consumer>
    private let signals: ConnectionSignals
    private let names: QueueNames
    private let topology: Topology

    init(
        _ connection: BrokerConnection<Consumer>, _ signals: ConnectionSignals, names: QueueNames, topology: Topology
    ) {
        self.connection = connection
        self.signals = signals
        self.names = names
        self.topology = topology
    }

    func publish(_ publish: Publish) {
        preconditionFailure("A consuming connection publishes nothing.")
    }

    func subscribe(_ subscription: Subscription) {
        do throws(TransportError) {
            let history: SubscriptionHistory
            if let known = subscription.memory as? SubscriptionHistory {
                history = known
            } else {
                history = try plan(subscription.address)
                subscription.memory = history
            }
            connection.inbox.submit(.subscribe(subscription, history))
        } catch {
            signals.send(.failed(subscription, error))
        }
    }

    /// Here, and not on the event loop: a name that stays is taken by a locked file.
    private func plan(_ address: Address) throws(TransportError) -> SubscriptionHistory {
        let name = try names.next(for: address)
        do throws(TransportError) {
            return SubscriptionHistory(
                try topology.plan(subscribingTo: address, fanoutSuffix: name.suffix), name: name)
        } catch {
            name.release()
            throw error
        }
    }

    func unsubscribe(_ subscription: Subscription) {
        (subscription.memory as? SubscriptionHistory)?.end()
        connection.inbox.submit(.unsubscribe(subscription))
    }

    func close() async {
        await connection.close()
    }
}
#endif
