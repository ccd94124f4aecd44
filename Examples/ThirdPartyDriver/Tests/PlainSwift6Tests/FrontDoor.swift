import Switchboard
import SwitchboardInProcess
import Testing

// A whole program in two imports, with no upcoming feature and no other setting.

enum Greeter {
    struct Name: Codable, Sendable { var name: String }
    static let greet = RPCMethod<Name, String>("greet")
}

@Suite("The front door, with plain settings", .timeLimit(.minutes(5)))
struct FrontDoorTests {
    @Test("A service and its client")
    func greets() async throws {
        try await withMessageQueue("fake://plain", .inProcess()) { queue in
            var router = RPCRouter()
            router.register(Greeter.greet) { name, _ in "Hello, \(name.name)!" }
            try await withRPCServer(queue, topic: "greeter", router: router) {
                let client = RPCClient(queue, topic: "greeter")
                let greeting = try await client.call(Greeter.greet, .init(name: "World"))
                #expect(greeting == "Hello, World!")
            }
        }
    }

    @MainActor
    @Test("From the main actor, with state of its own")
    func mainActor() async throws {
        var greetings: [String] = []
        try await withMessageQueue("fake://main", .inProcess()) { queue in
            var router = RPCRouter()
            router.register(Greeter.greet) { name, _ in "Hello, \(name.name)!" }
            try await withRPCServer(queue, topic: "greeter", router: router) {
                greetings.append(try await RPCClient(queue, topic: "greeter").call(Greeter.greet, .init(name: "Main")))
            }
        }
        #expect(greetings == ["Hello, Main!"])
    }
}
