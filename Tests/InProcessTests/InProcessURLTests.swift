import SwitchboardCore
import SwitchboardInProcess
import Testing

@Suite("URLs of the in-process driver", .timeLimit(.minutes(5)))
struct InProcessURLTests {
    private func makeDriver(_ text: String) throws -> InProcessDriver {
        try InProcessDriver(TransportURL(text), network: InProcessNetwork())
    }

    @Test(
        "A URL is a name, and options",
        arguments: [
            "fake://", "fake:///", "fake://name", "inprocess://name/cell1", "fake://name?queue_limit=1&byte_limit=1",
        ])
    func good(_ text: String) throws {
        _ = try makeDriver(text)
    }

    @Test(
        "What a name has not is refused with a sentence",
        arguments: [
            ("fake://a,b", TransportError.Code.invalidURL, "2 hosts"),
            ("fake://user@a", .invalidURL, "no accounts"),
            ("fake://user:hunter2@a", .invalidURL, "no accounts"),
            ("fake://a:5672", .invalidURL, "no ports"),
            ("fake://a?queue_limt=5", .invalidOption, "did you mean queue_limit?"),
            ("fake://a?zzzzzzzzzzzz=5", .invalidOption, "byte_limit, queue_limit"),
            ("fake://a?queue_limit=0", .invalidOption, "from 1 on"),
            (
                "fake://a?queue_limit=1&queue_limit=2", .invalidOption,
                "queue_limit of the fake:// URL can't be used: it is given twice"
            ),
            ("fake://a?byte_limit=many", .invalidOption, "\"many\" isn't a whole number from 1 on"),
        ])
    func bad(_ text: String, _ code: TransportError.Code, _ part: String) throws {
        let error = try #require(throws: TransportError.self) { _ = try makeDriver(text) }
        #expect(error.code == code)
        #expect(error.description.contains(part), "\(error)")
        #expect(!error.description.contains("hunter2"))
    }

    @Test("One name of one network is one world; a virtual host, another network or no name is another")
    func worlds() async throws {
        let network = InProcessNetwork()
        func transport(_ text: String, _ network: InProcessNetwork) throws -> Transport {
            try Transport(
                TransportURL(text), drivers: DriverRegistry(.inProcess(network: network)), logger: quietLogger)
        }
        let listener = try transport("fake://one", network)
        let same = try transport("inprocess://one", network)
        let strangers = [
            try transport("fake://two", network), try transport("fake://one/cell", network),
            try transport("fake://", network), try transport("fake://one", InProcessNetwork()),
        ]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for transport in [listener, same] + strangers { group.addTask { try await transport.run() } }
            defer { group.cancelAll() }
            let topic = Address.topic(Topic("worlds"))
            try await listener.withSubscription(to: topic) { deliveries in
                for stranger in strangers {
                    let error = await #expect(throws: TransportError.self) {
                        try await stranger.publish(Message(body: [1]), to: topic, mandatory: true)
                    }
                    #expect(error?.code == .unroutable)
                }
                try await same.publish(Message(body: [2]), to: topic, mandatory: true)
                var iterator = deliveries.makeAsyncIterator()
                #expect(try await iterator.next()?.message.body == [2])
            }
        }
    }
}
