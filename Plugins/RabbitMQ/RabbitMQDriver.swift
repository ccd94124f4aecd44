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
    public let monitor = TransportMonitor()
    /// Whatever the scheme of the URL is.
    public let messagingSystem: String? = "rabbitmq"

    private let topology: Topology
    private let demands: BrokerDemands
    private let prefetchLimit: Int
    private let publishing: Connection<Publisher>
    private let consuming: Connection<Consumer>
    private let publishInbox: Inbox<PublishCommand>
    private let consumeInbox: Inbox<ConsumeCommand>
    private let names: QueueNames
    /// The names of our reply queues, which are taken for as long as this driver lives.
    private let replyNames = Locked<[QueueName]>([])
    private let logger: Logger
    private let renewal: CredentialRenewal?
    private let nextID = Atomic<UInt64>(1)

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
        let topology = Topology(configuration.topology, directRequests: configuration.directRequests)
        let place = Place(url: url.description, monitor: monitor, topology: configuration.topology)
        let board = StateBoard(monitor)
        let demands = BrokerDemands(configuration.topology)
        let log = ConnectionLog(logger)
        let eventLoop = EventLoops.next()
        let renewal = configuration.credentials.map { CredentialRenewal($0) }
        func settings(_ role: ConnectionSettings.Role) -> ConnectionSettings {
            ConnectionSettings(
                endpoints: Endpoint.all(of: url, usesTLS: tls != nil), role: role, configuration: configuration,
                tls: tls, demands: demands, metrics: metrics, logger: logger, log: log,
                report: { board.report($0, of: role) }, hasBeenReady: { board.hasBeenReady },
                renew: { renewal?.signal() })
        }
        self.renewal = renewal
        self.topology = topology
        self.demands = demands
        prefetchLimit = configuration.maximumPrefetch ?? 65535
        names = QueueNames(configuration.topology)
        self.logger = logger
        publishInbox = Inbox(eventLoop: eventLoop)
        consumeInbox = Inbox(eventLoop: eventLoop)
        publishing = Connection(
            settings: settings(.publish), eventLoop: eventLoop, inbox: publishInbox,
            client: Publisher(
                topology: topology, demands: demands, metrics: metrics, bounds: .init(configuration), place: place,
                logger: logger))
        consuming = Connection(
            settings: settings(.consume), eventLoop: eventLoop, inbox: consumeInbox,
            client: Consumer(
                place: place, maximumMessageSize: configuration.maximumMessageSize, inbox: consumeInbox,
                selfCheckInterval: configuration.selfCheckInterval, answerTimeout: configuration.answerTimeout,
                demands: demands, metrics: metrics, logger: logger))
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

    public func run() async throws {
        let result = await withTaskGroup(of: Result<Void, TransportError>?.self) { group in
            group.addTask { [publishing] in
                await Self.result { () throws(TransportError) in try await publishing.run() }
            }
            group.addTask { [consuming] in await Self.result { () throws(TransportError) in try await consuming.run() }
            }
            group.addTask { [names, logger] in
                await names.keep(logger: logger)
                return nil
            }
            if let renewal {
                group.addTask { [publishing, consuming] in
                    await renewal.run {
                        await publishing.renewCredentials()
                        await consuming.renewCredentials()
                    }
                    return nil
                }
            }
            let first = await Self.end(of: &group)
            if case .failure(let error) = first {
                // What one is refused, the other is too: both end, and what waits fails with the reason at once.
                await publishing.end(error)
                await consuming.end(error)
            }
            group.cancelAll()
            let second = await Self.end(of: &group)
            if case .failure = first { return first }
            return second
        }
        switch result {
        case .success: monitor.report(.closed(reason: nil))
        case .failure(let error):
            monitor.report(.closed(reason: error.message))
            throw error
        }
    }

    /// How the next of the two connections has ended.
    private static func end(
        of group: inout TaskGroup<Result<Void, TransportError>?>
    ) async -> Result<Void, TransportError> {
        while let result = await group.next() {
            if let result { return result }
        }
        return .success(())
    }

    private static func result(
        _ body: () async throws(TransportError) -> Void
    ) async -> Result<Void, TransportError> {
        do throws(TransportError) {
            return .success(try await body())
        } catch {
            return .failure(error)
        }
    }

    public func publish(
        _ message: Message, to address: Address, options: PublishOptions
    ) async throws(TransportError) {
        let request = PublishRequest(message, to: address, options: options)
        let inbox = publishInbox
        let error = await withTaskCancellationHandler {
            await withUnsafeContinuation { inbox.submit(.publish(request, .task($0))) }
        } onCancel: {
            request.cancel()
            inbox.submit(.cancel(request))
        }
        if let error { throw error }
    }

    public func publish(
        _ message: Message, to address: Address, options: PublishOptions,
        completion: @escaping @Sendable (TransportError?) -> Void
    ) -> (@Sendable () -> Void)? {
        let request = PublishRequest(message, to: address, options: options)
        let inbox = publishInbox
        inbox.submit(.publish(request, .function(completion)))
        return {
            request.cancel()
            inbox.submit(.cancel(request))
        }
    }

    public func withSubscription<Result: Sendable>(
        to address: Address, options: SubscriptionOptions, _ body: (Deliveries) async throws -> Result
    ) async throws -> Result {
        let id = nextID.add(1, ordering: .relaxed).oldValue
        let name = try names.next(for: address)
        defer { name.release() }
        let (deliveries, source) = Deliveries.makeSequence()
        let request = SubscriptionRequest(
            id: id, address: address,
            plan: try topology.plan(subscribingTo: address, fanoutSuffix: name.suffix),
            prefetch: UInt16(min(options.prefetch, prefetchLimit)), deadline: options.deadline, source: source)
        let inbox = consumeInbox
        let error = await withTaskCancellationHandler {
            await withCheckedContinuation { inbox.submit(.open(request, $0)) }
        } onCancel: {
            request.cancel()
            inbox.submit(.cancelOpening(request))
        }
        if let error { throw error }
        do {
            let result = try await body(deliveries)
            await end(request)
            return result
        } catch {
            await end(request)
            throw error
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

    /// Returns when the broker has what was unsettled, or after a bounded wait.
    private func end(_ request: SubscriptionRequest) async {
        request.end()
        await withCheckedContinuation { consumeInbox.submit(.close(request, $0)) }
    }
}

extension Publisher.Bounds {
    init(_ configuration: RabbitMQConfiguration) {
        self.init(
            unconfirmed: max(1, configuration.maximumUnconfirmed),
            unconfirmedBytes: max(1, configuration.maximumUnconfirmedBytes),
            waiting: max(1, configuration.maximumWaiting),
            returnedSize: .max, answer: configuration.answerTimeout)
    }
}
#endif
