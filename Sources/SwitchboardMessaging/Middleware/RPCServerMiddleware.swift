public import SwitchboardCore

/// A request that a server has received and not looked up yet, as middleware sees and may change it.
public struct RPCServerRequest: Sendable {
    public var method: String
    public var arguments: JSONObject
    public var namespace: String?
    public var version: RPCVersion
    /// Who asks. What is not Nova's is in its ``RequestContext/additional``.
    public var context: RequestContext
    /// The topic that it was taken from.
    public let topic: Topic
    /// The name of the server that has taken it.
    public let server: String
    /// Whether somebody waits for the reply.
    public let wantsReply: Bool
    /// When the caller stops waiting, where it said so; the handler's task is cancelled then.
    public let deadline: ContinuousClock.Instant?
    /// See ``OsloRequest/Fields/swiftTarget``.
    package var swiftTarget: JSONValue?
}

/// Something that every readable request of an ``RPCServer`` passes through before its handler, and every result or error
/// after it: authorisation, auditing, limits, translation of errors.
///
/// It may change the request, call `next` once or not at all, and change what comes back. `next` looks the method up: a
/// method that nobody has, a version that nobody has and arguments that do not fit are its errors too. What it throws
/// reaches the caller as a handler's errors do: as far as they are ``RemotelyVisibleError``s.
public protocol RPCServerMiddleware: Sendable {
    func handle(
        _ request: RPCServerRequest,
        next: nonisolated(nonsending) @Sendable (RPCServerRequest) async throws -> JSONValue
    ) async throws -> JSONValue
}
