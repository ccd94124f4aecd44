/// The handlers of an ``RPCServer``, by method.
///
/// Handlers with the same namespace and major version form an interface, whose version is the newest of its methods'. A
/// request is served if the interface of its namespace has a compatible version and the method (oslo-wire.md §5.3). A
/// value.
public struct RPCRouter: Sendable {
    /// The names that may be called.
    public enum AccessPolicy: Sendable, Hashable {
        /// Names that don't begin with an underscore.
        case standard
        /// Every registered name.
        case legacy
        /// These names and no others. To allow the ping, include it.
        case explicit(Set<String>)

        func allows(_ method: String) -> Bool {
            switch self {
            case .standard: !method.hasPrefix("_")
            case .legacy: true
            case .explicit(let names): names.contains(method)
            }
        }
    }

    package typealias Handler = @Sendable (JSONObject, RequestContext) async throws -> JSONValue

    struct Interface: Hashable, Sendable {
        let namespace: String?
        let major: Int
    }

    public var accessPolicy = AccessPolicy.standard

    /// What serves an interface, and up to which version.
    private struct Implementation {
        /// In a struct, as a function in a generic collection is called by way of others.
        struct Registration {
            let handler: Handler
        }

        let interface: Interface
        var version: RPCVersion
        var registrations: [String: Registration] = [:]
    }

    /// One for each interface. A server has few, which are compared sooner than hashed.
    private var implementations: [Implementation] = []
    private var expectations: [Interface: [String: [any Error.Type]]] = [:]
    private var swiftTargets: [Interface: @Sendable (_ method: String, JSONValue) -> Handler?] = [:]
    private var fallback: (@Sendable (String, JSONObject, RequestContext) async throws -> JSONValue)?

    public init() {}

    /// Registers the handler of a method. Traps if the method is already registered, because the order must not decide
    /// which handler serves it.
    ///
    /// An error that the handler throws reaches the caller only if it is a ``RemotelyVisibleError``. The error types in
    /// `expected` are part of the method's normal operation. They are logged at level `debug`, like
    /// ``RemotelyVisibleError``s, and all others at level `error`.
    public mutating func register<Arguments, Reply>(
        _ method: RPCMethod<Arguments, Reply>,
        expecting expected: [any Error.Type] = [],
        handler: @escaping @Sendable (Arguments, RequestContext) async throws -> Reply
    ) {
        let name = method.name
        register(name, namespace: method.namespace, version: method.version, expecting: expected) { object, context in
            let arguments = try Self.decode(Arguments.self, from: object, of: name)
            return try JSONValue(encoding: await handler(arguments, context))
        }
    }

    /// Reads arguments. As in Python, each has to be one that the method has.
    private static func decode<Arguments: Decodable>(
        _ type: Arguments.Type, from object: JSONObject, of method: String
    ) throws -> Arguments {
        let unused: String?
        let arguments: Arguments
        do {
            (arguments, unused) = try JSONValueDecoder.decode(type, from: object)
        } catch {
            throw RemoteError.typeError("\(method)() got arguments that do not fit: \(error)")
        }
        if let unused { throw RemoteError.typeError("\(method)() got an unexpected keyword argument '\(unused)'") }
        return arguments
    }

    /// Registers the handler of a method by name, with JSON arguments and a JSON reply.
    public mutating func register(
        _ method: String,
        namespace: String? = nil,
        version: RPCVersion = "1.0",
        expecting expected: [any Error.Type] = [],
        handler: @escaping @Sendable (JSONObject, RequestContext) async throws -> JSONValue
    ) {
        let interface = Interface(namespace: namespace, major: version.major)
        implement(version, namespace: namespace)
        precondition(
            !has(method, namespace: namespace, major: version.major),
            "The method \(method) of namespace \(namespace ?? "none"), version \(version.major).x, is registered twice."
        )
        if let place = place(of: interface) {
            implementations[place].registrations[method] = Implementation.Registration(handler: handler)
        }
        if !expected.isEmpty { expectations[interface, default: [:]][method] = expected }
    }

    /// Registers a handler for requests that no registered method serves: any name that may be called, in any namespace
    /// and version. For proxies, and for inspecting what arrives.
    public mutating func registerFallback(
        handler: @escaping @Sendable (_ method: String, JSONObject, RequestContext) async throws -> JSONValue
    ) {
        precondition(fallback == nil, "A router has one fallback.")
        fallback = handler
    }

    /// Declares that an interface is implemented up to a version, even though none of its methods is that new.
    public mutating func implement(_ version: RPCVersion, namespace: String? = nil) {
        let interface = Interface(namespace: namespace, major: version.major)
        guard let place = place(of: interface) else {
            return implementations.append(Implementation(interface: interface, version: version))
        }
        implementations[place].version = max(version, implementations[place].version)
    }

    private func place(of interface: Interface) -> Int? {
        implementations.firstIndex { $0.interface == interface }
    }

    /// Serves requests of Swift clients by what ``OsloRequest/Fields/swiftTarget`` holds, where no method is registered by
    /// the request's name. Traps when the interface has such a look-up already.
    ///
    /// - Parameter find: returns `nil` for a target that the server doesn't have, or that isn't the method of the request's
    ///   name: policies and middleware have looked at that.
    package mutating func registerSwiftTargets(
        namespace: String?, version: RPCVersion, find: @escaping @Sendable (_ method: String, JSONValue) -> Handler?
    ) {
        let interface = Interface(namespace: namespace, major: version.major)
        precondition(
            swiftTargets[interface] == nil,
            "An actor is registered already for namespace \(namespace ?? "none"), version \(version.major).x. Give each "
                + "actor of a server a namespace of its own.")
        swiftTargets[interface] = find
        implement(version, namespace: namespace)
    }

    /// The handler for a request, or the error that its caller gets.
    func handler(
        for method: String, namespace: String?, version: RPCVersion, swiftTarget: JSONValue? = nil
    ) throws(RemoteError) -> Handler {
        let interface = Interface(namespace: namespace, major: version.major)
        let isCallable = accessPolicy.allows(method)
        if let place = place(of: interface), implementations[place].version.isCompatible(with: version) {
            if isCallable, let found = implementations[place].registrations[method] { return found.handler }
            if isCallable, let swiftTarget, let handler = swiftTargets[interface]?(method, swiftTarget) {
                return handler
            }
        } else if fallback == nil {
            throw .unsupportedVersion(version.description, method: method)
        }
        guard isCallable, let fallback else { throw .noSuchMethod(method) }
        return { try await fallback(method, $0, $1) }
    }

    /// Whether a method is registered, so that its name is no invention of a peer's.
    func has(_ method: String, namespace: String?, major: Int) -> Bool {
        guard let place = place(of: Interface(namespace: namespace, major: major)) else { return false }
        return implementations[place].registrations[method] != nil
    }

    func hasInterface(namespace: String?, major: Int) -> Bool {
        place(of: Interface(namespace: namespace, major: major)) != nil || fallback != nil
    }

    /// Whether an error belongs to a method's normal work.
    func expects(_ error: any Error, of method: String, namespace: String?, major: Int) -> Bool {
        func isOne<Expected: Error>(of type: Expected.Type) -> Bool { error is Expected }
        let expected = expectations[Interface(namespace: namespace, major: major)]?[method] ?? []
        return expected.contains { isOne(of: $0) }
    }
}

extension RPCRouter {
    /// Answers `oslo_rpc_server_ping` with `pong`, as oslo.messaging servers with `rpc_ping_enabled` do.
    public mutating func registerPing() {
        register("oslo_rpc_server_ping") { _, _ in "pong" }
    }
}
