import SwitchboardCore

/// A driver that writes down what it is asked.
final class RecordingDriver: TransportDriver {
    struct Published: Sendable {
        var message: Message
        var address: Address
        var options: PublishOptions
    }

    let capabilities: DriverCapabilities = [.ordered]
    let monitor = TransportMonitor()
    let published = Locked<[Published]>([])
    let subscribed = Locked<[Address]>([])
    private let runError: TransportError?

    init(runError: TransportError? = nil) {
        self.runError = runError
    }

    func run() async throws {
        monitor.report(.ready)
        if let runError { throw runError }
        try await Task.sleep(for: .seconds(3600))
    }

    func publish(_ message: Message, to address: Address, options: PublishOptions) async throws(TransportError) {
        published.withLock { $0.append(Published(message: message, address: address, options: options)) }
    }

    func withSubscription<Result: Sendable>(
        to address: Address, options: SubscriptionOptions, _ body: (Deliveries) async throws -> Result
    ) async throws -> Result {
        subscribed.withLock { $0.append(address) }
        let (deliveries, source) = Deliveries.makeSequence()
        source.finish()
        return try await body(deliveries)
    }
}
