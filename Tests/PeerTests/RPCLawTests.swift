#if RabbitMQ
    import SwitchboardCore
    import SwitchboardRabbitMQ
    import SwitchboardTesting
    import Testing

    private struct RabbitMQHarness: TransportHarness {
        func withWorld(_ body: (TransportWorld) async throws -> Void) async throws {
            let broker = try await TestBroker.shared()
            try await broker.withVirtualHost { name in
                let url = broker.url(virtualHost: name)
                try await body(
                    TransportWorld(patience: .seconds(20)) {
                        try Transport(url, drivers: DriverRegistry(.rabbitMQ()), logger: quietLogger)
                    })
            }
        }
    }

    @Suite("The laws of RPC, on RabbitMQ", .timeLimit(.minutes(3)))
    struct RPCLawTests {
        @Test(arguments: RPCLaws.all)
        func law(_ law: RPCLaw) async throws {
            #expect(try await law.check(RabbitMQHarness()) == .holds)
        }
    }
#endif
