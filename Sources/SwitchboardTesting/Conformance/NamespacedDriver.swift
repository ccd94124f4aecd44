import SwitchboardCore

/// A driver whose addresses have names of their own, so that laws can be checked where others are too.
final class NamespacedDriver: TransportDriver {
    private let base: any TransportDriver
    private let names: TrialNames

    init(_ base: any TransportDriver, names: TrialNames) {
        self.base = base
        self.names = names
    }

    var capabilities: DriverCapabilities { base.capabilities }
    var roles: [ConnectionRole] { base.roles }
    var backoff: ReconnectBackoff { base.backoff }
    var messagingSystem: String? { base.messagingSystem }
    var taskExecutor: (any TaskExecutor)? { base.taskExecutor }

    func runInBackground() async { await base.runInBackground() }

    func makeMailbox() -> Mailbox {
        let mailbox = base.makeMailbox()
        names.made(mailbox)
        return mailbox
    }

    func connect(
        _ role: ConnectionRole, signals: ConnectionSignals
    ) async throws(ConnectionFailure) -> any DriverConnection {
        let subscribed = SubscribedNames(names)
        let below = ConnectionSignals { signal in
            if case .live(let subscription) = signal { subscribed.add(subscription) }
            signals.send(signal)
        }
        return NamespacedConnection(try await base.connect(role, signals: below), names, subscribed)
    }
}

private final class NamespacedConnection: DriverConnection {
    private let base: any DriverConnection
    private let names: TrialNames
    private let subscribed: SubscribedNames

    init(_ base: any DriverConnection, _ names: TrialNames, _ subscribed: SubscribedNames) {
        self.base = base
        self.names = names
        self.subscribed = subscribed
    }

    func publish(_ publish: Publish) {
        let own = names.own(publish.address)
        names.published(to: own)
        base.publish(publish.relayed(to: own))
    }

    func subscribe(_ subscription: Subscription) {
        base.subscribe(Subscription(relaying: subscription, to: names.own(subscription.address)))
    }

    func unsubscribe(_ subscription: Subscription) {
        subscribed.remove(subscription.id)
        base.unsubscribe(subscription)
    }

    func close() async {
        subscribed.removeAll()
        await base.close()
    }
}

/// What is live on one connection, by the trial's own names.
private final class SubscribedNames: Sendable {
    private let names: TrialNames
    private let live = Locked<[UInt64: Address]>([:])

    init(_ names: TrialNames) {
        self.names = names
    }

    /// - Parameter subscription: with the trial's own address.
    func add(_ subscription: Subscription) {
        let isNew = live.withLock { $0.updateValue(subscription.address, forKey: subscription.id) == nil }
        if isNew { names.subscribed(to: subscription.address) }
    }

    func remove(_ id: UInt64) {
        if let address = live.withLock({ $0.removeValue(forKey: id) }) { names.leaving(address) }
    }

    func removeAll() {
        for id in live.withLock({ Array($0.keys) }) { remove(id) }
    }
}
