import SwitchboardCore

/// An error of an RPC: from the other side (``Code/remote`` and its kin), or on the way there.
///
/// Programs act on ``code``; ``message`` is for people and names the method, the target and what was waited for.
public struct RPCError: Error, Sendable {
    /// What kind of error it is. Open: middleware may add codes of its own.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String

        public init(_ name: String) {
            self.description = name
        }

        /// The handler raised an error; see ``RPCError/remote``.
        public static let remote = Code("remote")
        /// The server has no such method, or does not let it be called; see ``RPCError/remote``.
        public static let noSuchMethod = Code("noSuchMethod")
        /// The server does not support the version or the namespace; see ``RPCError/remote``.
        public static let unsupportedVersion = Code("unsupportedVersion")
        /// No reply within the time allowed. The request may have been executed.
        public static let timeout = Code("timeout")
        /// Nobody listens at the target; the request was certainly not executed.
        public static let unroutable = Code("unroutable")
        /// The request was certainly not sent; repeating is safe.
        public static let unavailable = Code("unavailable")
        /// The request was maybe sent, and maybe executed.
        public static let indeterminate = Code("indeterminate")
        /// Back-pressure: a bound was reached, and the request was certainly not executed; try later.
        public static let exhausted = Code("exhausted")
        /// The queue's owner refuses us (credentials, virtual host); the request was certainly not sent.
        public static let refused = Code("refused")
        /// The request is larger than the queue takes; it was certainly not sent.
        public static let messageTooLarge = Code("messageTooLarge")
        /// The context is aimed at a cell that has no queue to go through.
        public static let noQueue = Code("noQueue")
        /// The connection was closed, before or during the call: the request may have been executed.
        public static let closed = Code("closed")
        /// The request's version is over the client's version cap; nothing was sent.
        public static let versionCapExceeded = Code("versionCapExceeded")
        /// The arguments cannot be encoded, or do not fit the method.
        public static let invalidArguments = Code("invalidArguments")
        /// The reply is not what the method promises, or cannot be sent; the request was executed.
        public static let invalidReply = Code("invalidReply")
        /// The request's context has a value of a wrong type.
        public static let invalidContext = Code("invalidContext")
        /// The target cannot be used (an empty or too long name).
        public static let invalidTarget = Code("invalidTarget")
        /// Another error of the transport; see ``RPCError/cause``.
        public static let transport = Code("transport")
    }

    public var code: Code
    /// One sentence, without secrets. For ``Code/remote`` it is the remote error's own message.
    public var message: String
    /// The other side's error as it was sent, for errors that come from there.
    public var remote: RemoteError?
    public var cause: (any Error)?

    public init(_ code: Code, _ message: String, remote: RemoteError? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.remote = remote
        self.cause = cause
    }
}

extension RPCError: CustomStringConvertible {
    public var description: String {
        if let remote { return "\(code): \(remote)" }
        // A transport's error is in the sentence already.
        guard let cause, !(cause is TransportError) else { return "\(code): \(message)" }
        return "\(code): \(message) (\(cause))"
    }
}

extension RPCError {
    /// An error of the transport, seen from a call or cast.
    init(_ error: TransportError, during activity: String) {
        let code: Code =
            switch error.code {
            case .unavailable: .unavailable
            case .indeterminate: .indeterminate
            case .unroutable: .unroutable
            case .exhausted: .exhausted
            case .refused: .refused
            case .messageTooLarge: .messageTooLarge
            case .closed: .closed
            case .invalidAddress: .invalidTarget
            default: .transport
            }
        self.init(code, "\(activity) failed: \(error.message)", cause: error)
    }
}
