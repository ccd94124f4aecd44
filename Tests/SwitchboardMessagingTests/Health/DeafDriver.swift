import SwitchboardCore
import SwitchboardInProcess

/// The in-process driver, which takes over some of what is published and delivers it nowhere, on command.
final class DeafDriver: TransportDriver {
    private let base: InProcessDriver
    private let isDeaf = Locked<@Sendable (Address) -> Bool>({ _ in false })

    init(_ url: TransportURL, _ network: InProcessNetwork = InProcessNetwork()) throws {
        base = try InProcessDriver(url, network: network)
    }

    var capabilities: DriverCapabilities { base.capabilities }
    var monitor: TransportMonitor { base.monitor }

    /// From now on nothing arrives that is published to such addresses.
    func becomeDeaf(to addresses: @escaping @Sendable (Address) -> Bool) {
        isDeaf.withLock { $0 = addresses }
    }

    func run() async throws { try await base.run() }

    func publish(_ message: Message, to address: Address, options: PublishOptions) async throws(TransportError) {
        if isDeaf.withLock({ $0 })(address) { return }
        try await base.publish(message, to: address, options: options)
    }

    func withSubscription<Result: Sendable>(
        to address: Address, options: SubscriptionOptions, _ body: (Deliveries) async throws -> Result
    ) async throws -> Result {
        try await base.withSubscription(to: address, options: options, body)
    }
}
