#if RabbitMQ
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

/// A driver whose connections go through a relay.
func withRelayedDriver(
    options: [TransportURL.Option] = [],
    _ body: @escaping @Sendable (RabbitMQDriver, Relay, TestBroker, String) async throws -> Void
) async throws {
    let broker = try await TestBroker.shared()
    try await broker.withVirtualHost { name in
        try await Relay.withRelay(to: broker.port) { relay in
            var url = broker.url(virtualHost: name)
            url.hosts[0].port = relay.port
            url.options = options
            let driver = try RabbitMQDriver(url, logger: quietLogger)
            try await withRunning(driver) { try await body(driver, relay, broker, name) }
        }
    }
}

/// Runs `body`, and fails when it takes longer.
func withTimeLimit<Result: Sendable>(
    _ limit: Duration, _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            throw TransportError(.internalError, "A test waited longer than \(limit).")
        }
        defer { group.cancelAll() }
        return try await group.next()!
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
#endif
