#if RabbitMQ
import Logging
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

/// A driver whose connections go through a relay.
func withRelayedDriver(
    options: [TransportURL.Option] = [], configuration: RabbitMQConfiguration = .osloDefaults,
    logger: Logger = quietLogger,
    _ body: @escaping @Sendable (DriverUnderTest, Relay, TestBroker, String) async throws -> Void
) async throws {
    let broker = try await TestBroker.shared()
    try await broker.withVirtualHost { name in
        try await Relay.withRelay(to: broker.port) { relay in
            var url = broker.url(virtualHost: name)
            url.hosts[0].port = relay.port
            url.options = options
            let driver = try DriverUnderTest(url, configuration: configuration, logger: logger)
            try await withRunning(driver) { try await body(driver, relay, broker, name) }
        }
    }
}

extension RabbitMQConfiguration {
    static var quorum: RabbitMQConfiguration {
        var configuration = RabbitMQConfiguration()
        configuration.topology.quorumQueues = true
        return configuration
    }
}

extension TestBroker {
    /// Queues of a virtual host hold so many messages and refuse more.
    func limitQueues(to count: Int, in virtualHost: String) async throws {
        _ = try await evaluate(
            """
            ok = rabbit_policy:parse_set(<<"\(virtualHost)">>, <<"short">>, <<".*">>,
                <<"{\\"max-length\\": \(count), \\"overflow\\": \\"reject-publish\\"}">>, <<"0">>, <<"queues">>, <<"test">>),
            [].
            """)
    }

    func deleteQueue(_ name: String, in virtualHost: String) async throws {
        _ = try await evaluate(
            """
            {ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"\(virtualHost)">>, queue, <<"\(name)">>)),
            rabbit_amqqueue:delete(Q, false, false, <<"test">>), [].
            """)
    }

    func deleteExchange(_ name: String, in virtualHost: String) async throws {
        _ = try await evaluate(
            """
            rabbit_exchange:delete(rabbit_misc:r(<<"\(virtualHost)">>, exchange, <<"\(name)">>), false, <<"test">>), [].
            """)
    }
}

/// Keeps what is logged, a line each: level, message, metadata.
final class LogCollector: Sendable {
    private struct Handler: LogHandler {
        let collector: LogCollector
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        init(_ collector: LogCollector) {
            self.collector = collector
        }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            collector.storage.withLock { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])") }
            collector.onLine()
        }
    }

    private let storage = Locked<[String]>([])
    private let onLine: @Sendable () -> Void

    /// - Parameter onLine: called with each line, by whoever logs.
    init(onLine: @escaping @Sendable () -> Void = {}) {
        self.onLine = onLine
    }

    var logger: Logger { Logger(label: "test") { _ in Handler(self) } }
    var lines: [String] { storage.withLock { $0 } }
}
#endif
