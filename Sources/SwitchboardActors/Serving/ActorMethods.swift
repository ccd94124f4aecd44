public import Distributed
public import SwitchboardMessaging

/// Which requests call which methods of an actor: a table from oslo.messaging's names to distributed methods.
///
///     var methods = ActorMethods<Calculator>(version: "1.3")
///     methods.register("add", .init("a", Int.self), .init("b", default: 1)) { try await $0.add(a: $1, b: $2) }
///
/// The compiler checks the number and the types of arguments. A request that doesn't fit gets oslo.messaging's own errors:
/// no such method, an unsupported version, a `TypeError` for a missing or an unexpected argument.
///
/// Python clients need the table. Swift clients don't, and are served faster by it: a method that isn't listed is looked up
/// by Swift's runtime, with each call.
public struct ActorMethods<Act: DistributedActor>: Sendable where Act.ActorSystem == SwitchboardActorSystem {
    public let namespace: String?
    /// The interface's version: the newest that any of its methods has.
    public let version: RPCVersion

    private var registrations: [@Sendable (inout RPCRouter, Act) -> Void] = []

    public init(namespace: String? = nil, version: RPCVersion = "1.0") {
        self.namespace = namespace
        self.version = version
    }

    /// Lists a method that returns something.
    ///
    /// - Parameters:
    ///   - name: the name that clients call it by.
    ///   - arguments: their names and types, in the order in which `body` takes them.
    ///   - version: the version in which the method came into its present form.
    ///   - expected: types of errors that belong to the method's normal work, and are logged at the level `debug`.
    ///   - body: calls the actor. Runs with the request's context as `RequestContext.current`.
    public mutating func register<each Value: Codable & Sendable, Reply: Codable & Sendable>(
        _ name: String,
        _ arguments: repeat ActorArgument<each Value>,
        version: RPCVersion? = nil,
        expecting expected: [any Error.Type] = [],
        body: @escaping @Sendable (Act, repeat each Value) async throws -> Reply
    ) {
        var names: [String] = []
        repeat names.append((each arguments).name)
        let signature = Signature(name: name, arguments: names)
        let (namespace, version) = (namespace, version ?? self.version)
        registrations.append { router, actor in
            router.register(name, namespace: namespace, version: version, expecting: expected) { object, context in
                try signature.check(object)
                let values = (repeat try (each arguments).value(in: object, of: name))
                return try await withRequestContext(context) {
                    try JSONValue(encoding: await body(actor, repeat each values))
                }
            }
        }
    }

    /// Lists a method that returns nothing.
    public mutating func register<each Value: Codable & Sendable>(
        _ name: String,
        _ arguments: repeat ActorArgument<each Value>,
        version: RPCVersion? = nil,
        expecting expected: [any Error.Type] = [],
        body: @escaping @Sendable (Act, repeat each Value) async throws -> Void
    ) {
        register(name, repeat each arguments, version: version, expecting: expected) {
            (actor: Act, values: repeat each Value) async throws -> NoReply in
            try await body(actor, repeat each values)
            return NoReply()
        }
    }

    func register(of actor: Act, with router: inout RPCRouter) {
        router.implement(version, namespace: namespace)
        for register in registrations { register(&router, actor) }
    }
}

/// What a listed method is called, and its arguments.
private struct Signature: Sendable {
    let name: String
    let arguments: [String]

    init(name: String, arguments: [String]) {
        precondition(
            Set(arguments).count == arguments.count, "The method \(name) has two arguments of one name: \(arguments).")
        self.name = name
        self.arguments = arguments
    }

    /// As in Python, each argument has to be one that the method has.
    func check(_ object: JSONObject) throws {
        for (key, _) in object where !arguments.contains(key) {
            throw RemoteError.typeError("\(name)() got an unexpected keyword argument '\(key)'")
        }
    }
}
