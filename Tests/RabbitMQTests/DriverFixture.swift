#if RabbitMQ
import Logging
import SwitchboardCore
import SwitchboardTesting

@testable import SwitchboardRabbitMQ

/// A driver that runs against a virtual host of its own, for as long as `body` runs.
func withDriver<Result: Sendable>(
    options: [TransportURL.Option] = [], configuration: RabbitMQConfiguration = .osloDefaults,
    logger: Logger = quietLogger,
    _ body: @escaping @Sendable (DriverUnderTest, TestBroker, String) async throws -> Result
) async throws -> Result {
    let broker = try await TestBroker.shared()
    return try await broker.withVirtualHost { name in
        var url = broker.url(virtualHost: name)
        url.options = options
        let driver = try DriverUnderTest(url, configuration: configuration, logger: logger)
        return try await withRunning(driver) { try await body(driver, broker, name) }
    }
}

/// Runs a driver for as long as `body` runs, then waits for its end.
func withRunning<Result: Sendable>(
    _ driver: DriverUnderTest, _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await driver.run() }
        defer { group.cancelAll() }
        return try await body()
    }
}

extension RabbitMQConfiguration {
    /// What every broker takes as it is, so that a driver needs no second connection to adapt: for tests that count them.
    static var takenEverywhere: RabbitMQConfiguration {
        var configuration = RabbitMQConfiguration.osloDefaults
        configuration.topology.durableQueues = true
        configuration.topology.durableTransientQueues = true
        return configuration
    }
}

extension SubscriptionOptions {
    static var soon: SubscriptionOptions { SubscriptionOptions(deadline: .now + .seconds(20)) }
}

extension Delivery {
    var text: String { String(decoding: message.body, as: UTF8.self) }
}
#endif
