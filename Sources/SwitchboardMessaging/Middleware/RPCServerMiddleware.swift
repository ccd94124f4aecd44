public import SwitchboardCore

/// A request that a server has received and not looked up yet. Middleware may change it.
public struct RPCServerRequest: Sendable {
    public var method: String
    public var arguments: JSONObject
    public var namespace: String?
    public var version: RPCVersion
    /// Who asks. Keys that aren't Nova's are in its ``RequestContext/additional``.
    public var context: RequestContext
    /// The topic that it was taken from.
    public let topic: Topic
    /// The name of the server that has taken it.
    public let server: String
    /// Whether the caller waits for a reply.
    public let wantsReply: Bool
    /// When the caller stops waiting, if it said so. The handler's task is cancelled then.
    public var deadline: ContinuousClock.Instant? { moment?.instant }
    let moment: Moment?
    /// See ``OsloRequest/Fields/swiftTarget``.
    package var swiftTarget: JSONValue?
}

/// Code that every readable request of an ``RPCServer`` passes through before its handler, and every result or error
/// after it: authorization, auditing, limits, translation of errors.
///
/// It may change the request, call `next` once or not at all, and change the result. `next` looks up the method, so it
/// also throws for an unknown method, an unsupported version, or arguments that don't match. Errors that the middleware
/// throws reach the caller like a handler's: only if they are ``RemotelyVisibleError``s.
public protocol RPCServerMiddleware: Sendable {
    func handle(
        _ request: RPCServerRequest,
        next: nonisolated(nonsending) @Sendable (RPCServerRequest) async throws -> JSONValue
    ) async throws -> JSONValue
}
