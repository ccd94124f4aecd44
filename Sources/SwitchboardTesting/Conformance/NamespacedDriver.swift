import SwitchboardCore

/// A driver whose addresses have names of their own, so that laws can be checked where others are too.
final class NamespacedDriver: TransportDriver {
    private let base: any TransportDriver
    private let suffix: String

    init(_ base: any TransportDriver, suffix: String) {
        self.base = base
        self.suffix = suffix
    }

    var capabilities: DriverCapabilities { base.capabilities }
    var messagingSystem: String? { base.messagingSystem }
    var monitor: TransportMonitor { base.monitor }
    var taskExecutor: (any TaskExecutor)? { base.taskExecutor }

    func run() async throws { try await base.run() }

    func makeMailbox() -> Mailbox { base.makeMailbox() }

    func publish(
        _ message: Message, to address: Address, options: PublishOptions
    ) async throws(TransportError) {
        try await base.publish(message, to: own(address), options: options)
    }

    func publish(
        _ message: Message, to address: Address, options: PublishOptions,
        completion: @escaping @Sendable (TransportError?) -> Void
    ) -> (@Sendable () -> Void)? {
        base.publish(message, to: own(address), options: options, completion: completion)
    }

    func withSubscription<Result: Sendable>(
        to address: Address, options: SubscriptionOptions, _ body: (Deliveries) async throws -> Result
    ) async throws -> Result {
        try await base.withSubscription(to: own(address), options: options, body)
    }

    private func own(_ address: Address) -> Address {
        switch address {
        case .topic(let topic): .topic(own(topic))
        case .server(let topic, let server): .server(own(topic), server: server)
        case .fanout(let topic): .fanout(own(topic))
        case .notifications(let topic): .notifications(own(topic))
        case .pool(let pool, let topic): .pool(own(pool), of: own(topic))
        // Replies go to a mailbox by the name in their request. Those of the laws are known by their names.
        case .mailbox(let mailbox):
            ["reply_1", "reply_2", "reply_none"].contains(mailbox.name)
                ? .mailbox(Mailbox(named: own(mailbox.name))) : address
        }
    }

    private func own(_ topic: Topic) -> Topic {
        Topic(own(topic.name), exchange: own(topic.exchange))
    }

    /// A name that no queue has, as it is empty or too long, stays one.
    private func own(_ name: String) -> String {
        name.isEmpty ? name : "\(name)-\(suffix)"
    }
}
