public import Distributed
public import SwitchboardActors
public import SwitchboardMessaging

/// The same endpoint in Swift.
public distributed actor SwiftEndpoint: Endpoint {
    public typealias ActorSystem = SwitchboardActorSystem

    private let name: String
    private let wait: @Sendable (Int) async throws -> Void

    /// - Parameter wait: what ``slow(seconds:)`` does meanwhile.
    public init(
        named name: String, in system: SwitchboardActorSystem,
        wait: @escaping @Sendable (Int) async throws -> Void = { try await Task.sleep(for: .seconds($0)) }
    ) {
        self.name = name
        self.wait = wait
        actorSystem = system
    }

    public distributed func add(a: Int, b: Int) async throws -> Int { a + b }

    public distributed func echo(value: [String: [Double?]]?) async throws -> [String: [Double?]]? { value }

    public distributed func who() async throws -> String { name }

    public distributed func nothing() async throws {}

    public distributed func slow(seconds: Int) async throws -> Int {
        try await wait(seconds)
        return seconds
    }

    public distributed func fail(kind: String, message: String) async throws {
        throw RemoteError(
            className: kind, module: kind == "InstanceNotFound" ? "peer_errors" : "builtins", message: message)
    }

    /// The user of the request that is being served.
    public distributed func user() -> String { RequestContext.current?.userID ?? "nobody" }

    public static func methods(namespace: String? = nil, version: RPCVersion = "1.9") -> ActorMethods<SwiftEndpoint> {
        var methods = ActorMethods<SwiftEndpoint>(namespace: namespace, version: version)
        methods.register("add", .init("a", Int.self), .init("b", Int.self)) { try await $0.add(a: $1, b: $2) }
        methods.register("echo", .init("value", [String: [Double?]]?.self)) { try await $0.echo(value: $1) }
        methods.register("who") { try await $0.who() }
        methods.register("nothing") { try await $0.nothing() }
        methods.register("slow", .init("seconds", Int.self)) { try await $0.slow(seconds: $1) }
        methods.register("fail", .init("kind", default: "ValueError"), .init("message", default: "told to fail")) {
            try await $0.fail(kind: $1, message: $2)
        }
        methods.register("user_name") { try await $0.user() }
        return methods
    }
}
