#if RabbitMQ
import Logging
import SwitchboardCore
import SwitchboardTesting

@testable import SwitchboardRabbitMQ

/// A RabbitMQ driver with the transport that it serves.
final class DriverUnderTest: Sendable {
    let driver: RabbitMQDriver
    let transport: Transport

    init(
        _ url: TransportURL, configuration: RabbitMQConfiguration = .osloDefaults,
        metrics: DriverMetrics = DriverMetrics(),
        transport limits: TransportConfiguration = TransportConfiguration(), logger: Logger
    ) throws(TransportError) {
        driver = try RabbitMQDriver(url, configuration: configuration, metrics: metrics, logger: logger)
        transport = Transport(driver: driver, url: url, configuration: limits, logger: logger)
    }

    var capabilities: DriverCapabilities { driver.capabilities }
    var refusesTransientQueues: Bool { driver.refusesTransientQueues }
    var state: TransportState { transport.state }

    func run() async throws {
        try await transport.run()
    }

    func publish(_ message: Message, to address: Address, options: PublishOptions) async throws(TransportError) {
        try await transport.publish(
            message, to: address, deadline: options.deadline, mandatory: options.mandatory,
            allowsDuplicates: options.allowsDuplicates)
    }

    func publish(_ text: String, to address: Address, mandatory: Bool = false) async throws(TransportError) {
        try await publish(
            Message(body: Array(text.utf8)), to: address, options: .within(.seconds(20), mandatory: mandatory))
    }

    func withSubscription<Result: Sendable>(
        to address: Address, options: SubscriptionOptions, _ body: (Deliveries) async throws -> Result
    ) async throws -> Result {
        try await transport.withSubscription(to: address, options: options, body)
    }

    func makeMailbox() -> Mailbox { transport.makeMailbox() }

    /// Waits until the transport's state fits.
    func waits(for fits: (TransportState) -> Bool) async {
        for await state in transport.states() where fits(state) { return }
    }
}

/// How a message is published.
struct PublishOptions {
    var deadline: ContinuousClock.Instant
    var mandatory = false
    var allowsDuplicates = false

    static func within(_ time: Duration, mandatory: Bool = false, allowsDuplicates: Bool = false) -> PublishOptions {
        PublishOptions(deadline: .now + time, mandatory: mandatory, allowsDuplicates: allowsDuplicates)
    }
}
#endif
