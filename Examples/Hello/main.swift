// snippet.hello
import Switchboard
import SwitchboardInProcess

enum Greeter {
    struct Name: Codable, Sendable { var name: String }
    static let greet = RPCMethod<Name, String>("greet")
}

try await withMessageQueue("fake://hello", .inProcess()) { queue in
    var router = RPCRouter()
    router.register(Greeter.greet) { name, _ in "Hello, \(name.name)!" }
    try await withRPCServer(queue, topic: "greeter", router: router) {
        let client = RPCClient(queue, topic: "greeter")
        print(try await client.call(Greeter.greet, .init(name: "World")))
    }
}
// snippet.end
