import SwitchboardCore
import SwitchboardInProcess

/// The in-process driver with queues that refuse what they have no room for, as RabbitMQ's do with `reject-publish`,
/// instead of letting publishers wait.
struct NackingDriver: TransportDriver {
    private let base: InProcessDriver
    private let limit: Int?

    init(_ base: InProcessDriver, _ limit: Int?) {
        self.base = base
        self.limit = limit
    }

    var capabilities: DriverCapabilities { base.capabilities }
    var messagingSystem: String? { base.messagingSystem }
    var monitor: TransportMonitor { base.monitor }

    func run() async throws {
        try await base.run()
    }

    func publish(_ message: Message, to address: Address, options: PublishOptions) async throws(TransportError) {
        guard let limit, base.monitor.state == .ready else {
            return try await base.publish(message, to: address, options: options)
        }
        var options = options
        options.deadline = .now
        do {
            try await base.publish(message, to: address, options: options)
        } catch  where error.code == .exhausted {
            throw TransportError(
                .exhausted,
                "The broker did not take a message to \(address) (basic.nack): its queue holds \(limit) messages already."
            )
        }
    }

    func withSubscription<Result: Sendable>(
        to address: Address, options: SubscriptionOptions, _ body: (Deliveries) async throws -> Result
    ) async throws -> Result {
        try await base.withSubscription(to: address, options: options, body)
    }
}
