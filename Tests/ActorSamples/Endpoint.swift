public import Distributed
public import SwitchboardActors

/// What the endpoint of `Tests/Peers/oslo_server.py` offers, as a Swift protocol.
@Resolvable
public protocol Endpoint: DistributedActor where ActorSystem == SwitchboardActorSystem {
    distributed func add(a: Int, b: Int) async throws -> Int
    distributed func echo(value: [String: [Double?]]?) async throws -> [String: [Double?]]?
    distributed func who() async throws -> String
    distributed func nothing() async throws
    distributed func slow(seconds: Int) async throws -> Int
    distributed func fail(kind: String, message: String) async throws
}
