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
    var messagingSystem: String? { base.messagingSystem }
    var monitor: TransportMonitor { base.monitor }
    var taskExecutor: (any TaskExecutor)? { base.taskExecutor }

    func run() async throws { try await base.run() }

    func makeMailbox() -> Mailbox {
        let mailbox = base.makeMailbox()
        names.made(mailbox)
        return mailbox
    }

    func publish(
        _ message: Message, to address: Address, options: PublishOptions
    ) async throws(TransportError) {
        let own = names.own(address)
        names.published(to: own)
        try await base.publish(message, to: own, options: options)
    }

    func publish(
        _ message: Message, to address: Address, options: PublishOptions,
        completion: @escaping @Sendable (TransportError?) -> Void
    ) -> (@Sendable () -> Void)? {
        let own = names.own(address)
        names.published(to: own)
        return base.publish(message, to: own, options: options, completion: completion)
    }

    func withSubscription<Result: Sendable>(
        to address: Address, options: SubscriptionOptions, _ body: (Deliveries) async throws -> Result
    ) async throws -> Result {
        let own = names.own(address)
        return try await base.withSubscription(to: own, options: options) { deliveries in
            names.subscribed(to: own)
            defer { names.leaving(own) }
            return try await body(deliveries)
        }
    }
}
