import Switchboard
import SwitchboardTesting
import Testing

/// The service under test, as an application has it.
enum Greeter {
    struct Name: Codable, Sendable {
        var name: String
    }

    static let greet = RPCMethod<Name, String>("greet")

    static var router: RPCRouter {
        var router = RPCRouter()
        router.register(greet) { name, _ in "Hello, \(name.name)!" }
        return router
    }
}

/// `FakeBroker` fails as a real RabbitMQ does, without a server and without waiting.
@Suite("A service, tested", .timeLimit(.minutes(1)))
struct GreeterTests {
    private let broker = FakeBroker()
    private let url = "rabbit://alice:pw1@mq1/"

    @Test("The service answers, and answers again after its broker has dropped every connection")
    func survives() async throws {
        try await withMessageQueue(url, broker.plugin) { queue in
            try await withRPCServer(queue, topic: "greeter", router: Greeter.router) {
                let client = RPCClient(queue, topic: "greeter")
                for _ in 0..<3 {
                    let greeting = try await client.call(Greeter.greet, .init(name: "Ada"))
                    #expect(greeting == "Hello, Ada!")
                    broker.closeConnections()
                }
            }
        }
    }

    @Test("A wrong password ends the service with an error that says so, without the password")
    func wrongPassword() async throws {
        broker.setPassword("other", of: "alice")
        let error = await #expect(throws: TransportError.self) {
            try await withMessageQueue(url, broker.plugin) { queue in
                try await withRPCServer(queue, topic: "greeter", router: Greeter.router) {}
            }
        }
        #expect(error?.code == .refused && error?.message.contains("pw1") == false)
    }
}
