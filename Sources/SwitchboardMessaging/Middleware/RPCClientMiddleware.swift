/// A request that a client is about to send. Middleware may change it.
public struct RPCClientRequest: Sendable {
    /// The kind of a request.
    public enum Kind: String, Sendable, Hashable {
        /// Waits for a reply.
        case call
        /// Doesn't get a reply.
        case cast
        /// A cast to every server of the topic.
        case fanout
    }

    public package(set) var kind: Kind
    public var method: String
    public var arguments: JSONObject
    /// The arguments as ``JSONTextEncoder/nestedObject(_:)`` writes them, where no middleware looks at the request:
    /// ``arguments`` is empty then.
    var writtenArguments: [UInt8]?
    public var namespace: String?
    public var version: RPCVersion?
    /// Where it goes. A fanout ignores the server.
    public var target: RPCTarget
    /// Who asks, and through which queue.
    public var context: RequestContext
    /// How long it may take in total.
    public var timeout: Duration
    /// Whether it must never be executed twice; see ``RPCClient/neverTwice``.
    public var neverTwice: Bool
    /// What a Swift server needs to find the method of a distributed actor by; see ``OsloRequest/Fields/swiftTarget``.
    package var swiftTarget: JSONValue?

    package init(
        kind: Kind, method: String, arguments: JSONObject, namespace: String?, version: RPCVersion?, target: RPCTarget,
        context: RequestContext, timeout: Duration, neverTwice: Bool, swiftTarget: JSONValue? = nil
    ) {
        self.kind = kind
        self.method = method
        self.arguments = arguments
        self.namespace = namespace
        self.version = version
        self.target = target
        self.context = context
        self.timeout = timeout
        self.neverTwice = neverTwice
        self.swiftTarget = swiftTarget
    }
}

/// Code that every request of an ``RPCClient`` passes through on its way out, and every reply or error on its way back:
/// checks, defaults, caches, circuit breakers.
///
///     struct Audit: RPCClientMiddleware {
///         func send(
///             _ request: RPCClientRequest,
///             next: nonisolated(nonsending) @Sendable (RPCClientRequest) async throws -> JSONValue
///         ) async throws -> JSONValue {
///             log(request.method)
///             return try await next(request)
///         }
///     }
///
/// It may change the request, call `next` once, several times or not at all, and change the result. It runs in the
/// caller's task. Its own time isn't part of the request's ``RPCClientRequest/timeout``. For casts and fanouts, `next`
/// returns `null` once the queue has accepted the request.
public protocol RPCClientMiddleware: Sendable {
    func send(
        _ request: RPCClientRequest,
        next: nonisolated(nonsending) @Sendable (RPCClientRequest) async throws -> JSONValue
    ) async throws -> JSONValue
}
