/// An error as it crosses the wire: what a Python peer raised, or will raise (oslo-wire.md §5).
public struct RemoteError: Error, Sendable, Hashable {
    /// The class, for example `InstanceNotFound`.
    public var className: String
    /// Its module, for example `nova.exception` or `builtins`.
    public var module: String
    public var message: String
    /// The other side's stack trace, line by line. It isn't part of the message. Switchboard servers send none.
    public var traceback: [String]
    /// The positional arguments from which a Python peer rebuilds the error.
    public var arguments: [JSONValue]
    /// The keyword arguments from which a Python peer rebuilds the error.
    public var keywordArguments: JSONObject

    public init(
        className: String,
        module: String = "builtins",
        message: String,
        traceback: [String] = [],
        arguments: [JSONValue]? = nil,
        keywordArguments: JSONObject = [:]
    ) {
        self.className = className
        self.module = module
        self.message = message
        self.traceback = traceback
        self.arguments = arguments ?? [.string(message)]
        self.keywordArguments = keywordArguments
    }
}

extension RemoteError: CustomStringConvertible {
    public var description: String {
        module == "builtins" ? "\(className): \(message)" : "\(module).\(className): \(message)"
    }
}

/// An error that says what a peer may see of it. Errors that don't conform reach the peer as a bare `HandlerError`
/// without their text, so that nothing leaks unless it opts in.
public protocol RemotelyVisibleError: Error {
    var remoteError: RemoteError { get }
}

extension RemoteError: RemotelyVisibleError {
    public var remoteError: RemoteError { self }
}

extension RPCError: RemotelyVisibleError {
    /// A relayed remote error keeps its own name. Other errors travel as `RPCError` with their sentence.
    public var remoteError: RemoteError {
        remote ?? RemoteError(className: "RPCError", module: "switchboard", message: "\(code): \(message)")
    }
}

extension RemoteError {
    /// What the peer sees of an error that a handler threw.
    init(handlerError error: any Error) {
        if let visible = error as? any RemotelyVisibleError {
            self = visible.remoteError
        } else {
            self.init(
                className: "HandlerError", module: Self.ownModule,
                message: "The handler failed; its server's log says why.")
        }
    }

    /// The module of errors that Switchboard itself sends.
    static let ownModule = "switchboard"

    static let undeliverableReplyClass = "UndeliverableReply"
    static let indeterminateClass = "Indeterminate"

    /// What a caller gets whose request was executed and whose reply cannot be sent. Nothing of the transport's error but
    /// its code: the peer need not know where this side is connected to.
    static func undeliverableReply(_ reason: String) -> RemoteError {
        RemoteError(
            className: undeliverableReplyClass, module: ownModule,
            message: "The request was executed, and its reply cannot be sent: \(reason); the server's log says more.")
    }

    /// What a caller gets whose request was maybe executed, here or elsewhere.
    static func indeterminate(_ reason: String) -> RemoteError {
        RemoteError(className: indeterminateClass, module: ownModule, message: reason)
    }

    static let dispatcherModule = "oslo_messaging.rpc.dispatcher"

    package static func noSuchMethod(_ method: String) -> RemoteError {
        RemoteError(
            className: "NoSuchMethod", module: dispatcherModule,
            message: "Endpoint does not support RPC method \(method)")
    }

    static func unsupportedVersion(_ version: String, method: String) -> RemoteError {
        RemoteError(
            className: "UnsupportedVersion", module: dispatcherModule,
            message: "Endpoint does not support RPC version \(version). Attempted method: \(method)")
    }

    /// What Python calls arguments that do not fit.
    package static func typeError(_ message: String) -> RemoteError {
        RemoteError(className: "TypeError", message: message)
    }
}
