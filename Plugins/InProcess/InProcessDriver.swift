public import SwitchboardCore

extension DriverPlugin {
    /// The in-process driver, for `fake://NAME` and `inprocess://NAME`. The name may be empty.
    ///
    /// The options of the URL are `queue_limit` (how many messages a queue holds, 10000) and `byte_limit` (how many
    /// bytes, 256 MiB). At a limit, publishers wait.
    public static func inProcess(network: InProcessNetwork = .process) -> DriverPlugin {
        DriverPlugin(schemes: "fake", "inprocess") { url, _ throws(TransportError) in
            try InProcessDriver(url, network: network)
        }
    }
}

/// Moves messages within the process, with the semantics of a real broker: competing consumers, prefetch, requeueing,
/// time to live, bounded queues, unroutable messages.
public final class InProcessDriver: TransportDriver {
    public let capabilities: DriverCapabilities = [
        .redelivery, .ordered, .detectsUnroutable, .expires, .deadLetters, .boundedQueues, .ephemeralFanouts,
        .countsAttempts,
    ]

    private let broker: InProcessBroker
    private let limits: InProcessQueue.Limits

    /// Creates a driver. Throws `invalidURL` or `invalidOption` for parts that such a URL can't have.
    public convenience init(_ url: TransportURL, network: InProcessNetwork = .process) throws(TransportError) {
        try self.init(url, network: network, refusesOverflow: false)
    }

    /// - Parameter refusesOverflow: whether a publish to a full queue fails at once, as brokers do it, instead of waiting
    ///   for room.
    package init(_ url: TransportURL, network: InProcessNetwork, refusesOverflow: Bool) throws(TransportError) {
        let configuration = try InProcessConfiguration(url)
        var limits = configuration.limits
        limits.areStrict = refusesOverflow
        self.limits = limits
        broker = network.broker(named: configuration.name)
    }

    public func connect(
        _ role: ConnectionRole, signals: ConnectionSignals
    ) async throws(ConnectionFailure) -> any DriverConnection {
        InProcessConnection(broker, limits, signals)
    }
}

/// A connection to a broker in memory, which is never lost.
private final class InProcessConnection: DriverConnection {
    private let broker: InProcessBroker
    private let limits: InProcessQueue.Limits
    private let signals: ConnectionSignals
    /// What the broker calls each subscription; `nil` once closed.
    private let names = Locked<[UInt64: UInt64]?>([:])

    init(_ broker: InProcessBroker, _ limits: InProcessQueue.Limits, _ signals: ConnectionSignals) {
        self.broker = broker
        self.limits = limits
        self.signals = signals
    }

    func publish(_ publish: Publish) {
        broker.publish(publish, limits)
    }

    func subscribe(_ subscription: Subscription) {
        let name = broker.subscribe(subscription)
        let isOpen = names.withLock { names in
            names?[subscription.id] = name
            return names != nil
        }
        if isOpen { signals.send(.live(subscription)) } else { broker.unsubscribe(name) }
    }

    func unsubscribe(_ subscription: Subscription) {
        if let name = names.withLock({ $0?.removeValue(forKey: subscription.id) }) { broker.unsubscribe(name) }
        signals.send(.ended(subscription))
    }

    func close() async {
        let open = names.withLock { $0.take() }
        for name in (open ?? [:]).values.sorted() { broker.unsubscribe(name) }
    }
}
