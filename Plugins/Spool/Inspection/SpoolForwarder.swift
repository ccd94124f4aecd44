public import Logging
public import SwitchboardCore

/// Drains a spool into another transport: store, then forward.
///
/// A message leaves the spool when the other transport has taken it over. So each arrives at least once; whoever is
/// stopped in the middle goes on by starting again.
public struct SpoolForwarder: Sendable {
    /// How far it is.
    public struct Progress: Sendable, Hashable {
        public var forwarded = 0
        /// How many there were when it began, forwarded ones included.
        public var total = 0
    }

    public var configuration: SpoolConfiguration
    /// How many messages are on their way at a time.
    public var concurrency = 64
    private let logger: Logger

    public init(from configuration: SpoolConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    /// Forwards what waits in the queues of topics, servers and notifications, and returns when they are empty.
    ///
    /// - Parameters:
    ///   - destination: a transport that is running.
    ///   - timeout: how long the destination may take for one message.
    ///   - report: called after every message.
    /// - Throws: what the destination says of a message it does not take; that message stays in the spool.
    @discardableResult
    public func run(
        to destination: Transport, timeout: Duration = .seconds(30),
        report: @escaping @Sendable (Progress) -> Void = { _ in }
    ) async throws -> Progress {
        let driver = SpoolDriver(configuration: configuration, logger: logger)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await driver.run() }
            defer { group.cancelAll() }
            let inspector = try SpoolInspector(configuration, logger: logger)
            defer { inspector.close() }
            var progress = Progress()
            let queues = try inspector.queues().filter { queue in
                switch queue.address {
                case .topic, .server, .notifications: queue.waiting > 0
                default: false
                }
            }
            progress.total = queues.reduce(0) { $0 + $1.waiting }
            report(progress)
            for queue in queues {
                guard let address = queue.address else { continue }
                try await drain(address, queue.waiting, driver, destination, timeout, &progress, report)
            }
            return progress
        }
    }

    private func drain(
        _ address: Address, _ count: Int, _ driver: SpoolDriver, _ destination: Transport, _ timeout: Duration,
        _ progress: inout Progress, _ report: @Sendable (Progress) -> Void
    ) async throws {
        let options = SubscriptionOptions(prefetch: concurrency, deadline: .now + timeout)
        let start = progress
        progress = try await driver.withSubscription(to: address, options: options) { deliveries in
            var progress = start
            var left = count
            var iterator = deliveries.makeAsyncIterator()
            // One after another: the other side sees the order that this one has.
            while left > 0, let delivery = try await iterator.next() {
                do {
                    try await destination.publish(
                        delivery.message, to: address, deadline: .now + timeout, allowsDuplicates: true)
                } catch {
                    try await delivery.requeue()
                    throw error
                }
                try await delivery.accept()
                left -= 1
                progress.forwarded += 1
                report(progress)
            }
            return progress
        }
    }
}
