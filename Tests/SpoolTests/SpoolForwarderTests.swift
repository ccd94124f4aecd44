import SwitchboardCore
import SwitchboardSpool
import Testing

@Suite("Forwarding a spool", .timeLimit(.minutes(5)))
struct SpoolForwarderTests {
    @Test("However often the other side is down, no message is given up", arguments: SpoolInspectorTests.layouts)
    func otherSideDown(layout: String) async throws {
        try await withDirectory { directory in
            try await withTransport(directory, "layout=\(layout)") { transport in
                for text in ["a", "b", "c"] { try await transport.send(text, to: compute) }
            }
            var configuration = SpoolConfiguration(directory: directory.spool)
            configuration.maximumAttempts = 2
            let forwarder = SpoolForwarder(from: configuration, logger: quiet)
            // Nobody runs it.
            let transport = try Transport(
                TransportURL("spool://\(directory.path)/other"), drivers: DriverRegistry(.spool()), logger: quiet)
            for _ in 0..<3 {
                #expect(
                    await code { try await forwarder.run(to: transport, timeout: .milliseconds(50)) } == .unavailable)
            }
            #expect(directory.files("dead").isEmpty)
            try await withTransport(directory) { transport in
                try await transport.withSubscription(to: compute, options: SubscriptionOptions()) { deliveries in
                    var iterator = deliveries.makeAsyncIterator()
                    for text in ["a", "b", "c"] {
                        let delivery = try #require(try await iterator.next())
                        #expect(delivery.text == text && delivery.attempt == 1)
                        try await delivery.accept()
                    }
                }
            }
        }
    }
}
