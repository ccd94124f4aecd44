import Logging
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardMessaging

// What the pages of SwitchboardCore and SwitchboardInProcess quote.

func transportSnippet(logger: Logger) async throws {
    // snippet.transport
    let transport = try Transport(
        TransportURL("fake://example"), drivers: DriverRegistry(.inProcess()), logger: logger)
    let greetings = Address.topic(Topic("greetings"))

    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await transport.run() }

        try await transport.withSubscription(to: greetings) { deliveries in
            try await transport.publish(Message(body: Array("Hello".utf8)), to: greetings)
            for try await delivery in deliveries {
                print(String(decoding: delivery.message.body, as: UTF8.self))
                try await delivery.accept()
                break
            }
        }
        group.cancelAll()
    }
    // snippet.end
}

func inProcessConnectionSnippet(logger: Logger) throws {
    // snippet.inProcessConnection
    let drivers = DriverRegistry(.inProcess())
    let connection = try MessageQueueConnection(
        TransportURL("fake://example"), drivers: drivers, logger: logger)
    // snippet.end
    _ = connection
}

func networkSnippet() {
    // snippet.network
    let network = InProcessNetwork()
    let drivers = DriverRegistry(.inProcess(network: network))
    // snippet.end
    _ = drivers
}

func deadLettersSnippet(network: InProcessNetwork) {
    // snippet.deadLetters
    for letter in network.deadLetters(in: "example") {
        print("\(letter.reason), after \(letter.attempts) attempts")
    }
    // snippet.end
}
