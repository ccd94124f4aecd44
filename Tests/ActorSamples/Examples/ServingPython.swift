// snippet.actorServingPython
public import Distributed
public import Logging
public import SwitchboardActors
import SwitchboardCore
public import SwitchboardMessaging

public distributed actor SwiftCalculator: Calculator {
    public typealias ActorSystem = SwitchboardActorSystem

    private var forgotten: [String] = []

    public distributed func add(a: Int, b: Int) -> Int { a + b }
    public distributed func forget(name: String) { forgotten.append(name) }

    /// What Python clients call, and with which arguments.
    static func methods() -> ActorMethods<SwiftCalculator> {
        var methods = ActorMethods<SwiftCalculator>(version: "1.1")
        methods.register("add", .init("a", Int.self), .init("b", default: 1)) { try await $0.add(a: $1, b: $2) }
        methods.register("forget_sum", .init("name", String.self)) { try await $0.forget(name: $1) }
        return methods
    }
}

/// A server of the actor, for a `ServiceGroup` that runs the connection too.
public func makeCalculatorServer(on connection: MessageQueueConnection, logger: Logger) -> RPCServer {
    let calculator = SwiftCalculator(actorSystem: SwitchboardActorSystem(connection))
    var router = RPCRouter()
    router.register(calculator, SwiftCalculator.methods())
    return RPCServer(connection, topic: Topic("calculator"), name: "host1", router: router, logger: logger)
}
// snippet.end
