// snippet.actorCallingPython
public import Distributed
public import SwitchboardActors
public import SwitchboardMessaging

/// What a Python service offers: `def add(self, ctxt, a, b)` and `def forget_sum(self, ctxt, name)`.
@Resolvable
public protocol Calculator: DistributedActor where ActorSystem == SwitchboardActorSystem {
    distributed func add(a: Int, b: Int) async throws -> Int
    distributed func forget(name: String) async throws
}

public func callCalculator(through connection: MessageQueueConnection) async throws -> Int {
    let system = SwitchboardActorSystem(connection, timeout: .seconds(30))
    let interface = ActorInterface(version: "1.1", methods: ["forget": .init("forget_sum", sending: .cast)])
    let calculator = try $Calculator.resolve(
        id: SwitchboardActorID(RPCTarget(topic: "calculator"), interface: interface), using: system)
    return try await withRequestContext(RequestContext(userID: "alice")) {
        try await calculator.forget(name: "last")
        return try await calculator.add(a: 2, b: 40)
    }
}
// snippet.end
