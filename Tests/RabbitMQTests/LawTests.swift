#if RabbitMQ
import SwitchboardCore
import SwitchboardRabbitMQ
import SwitchboardTesting
import Testing

/// Each world is a virtual host of the tests' broker.
private struct RabbitMQHarness: TransportHarness {
    var configuration = RabbitMQConfiguration.osloDefaults

    func withWorld(_ body: (TransportWorld) async throws -> Void) async throws {
        let broker = try await TestBroker.shared()
        try await broker.withVirtualHost { [configuration] name in
            let url = broker.url(virtualHost: name)
            var world = TransportWorld {
                try Transport(url, drivers: DriverRegistry(.rabbitMQ(configuration)), logger: quietLogger)
            }
            world.interrupt = { try await broker.cutConnections(in: name) }
            try await body(world)
        }
    }
}

@Suite("The laws of drivers, on RabbitMQ", .serialized, .timeLimit(.minutes(5)))
struct LawTests {
    @Test("With oslo.messaging's defaults", arguments: TransportLaws.all)
    func defaults(law: TransportLaw) async throws {
        try await law.check(RabbitMQHarness())
    }

    @Test("Without transient queues", arguments: TransportLaws.all)
    func durable(law: TransportLaw) async throws {
        try await law.check(RabbitMQHarness(configuration: .durable))
    }
}
#endif
