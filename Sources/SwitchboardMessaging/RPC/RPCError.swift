import SwitchboardCore

/// An error of an RPC request: from the other side (``Code/remote`` and similar codes), or on the way there.
///
/// Programs act on ``code``. ``message`` is for people: it names the method, the target, and what the request waited
/// for.
public struct RPCError: Error, Sendable {
    /// What kind of error it is. Open: middleware may add codes of its own.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String

        public init(_ name: String) {
            self.description = name
        }

        /// The handler raised an error; see ``RPCError/remote``.
        public static let remote = Code("remote")
        /// The server doesn't have the method, or doesn't allow calling it; see ``RPCError/remote``.
        public static let noSuchMethod = Code("noSuchMethod")
        /// The server doesn't support the version or the namespace; see ``RPCError/remote``.
        public static let unsupportedVersion = Code("unsupportedVersion")
        /// No reply arrived in time. The request may have been executed.
        public static let timeout = Code("timeout")
        /// No server listens at the target. The request was certainly not executed.
        public static let unroutable = Code("unroutable")
        /// The request was certainly not sent; repeating is safe.
        public static let unavailable = Code("unavailable")
        /// The request may have been sent and executed.
        public static let indeterminate = Code("indeterminate")
        /// A limit was reached, such as a full queue. The request was certainly not executed. Try again later.
        public static let exhausted = Code("exhausted")
        /// The broker refuses the credentials, a permission or the virtual host. The request was certainly not sent.
        public static let refused = Code("refused")
        /// The request is larger than the queue accepts. It was certainly not sent.
        public static let messageTooLarge = Code("messageTooLarge")
        /// The context is aimed at a cell without a message queue.
        public static let noQueue = Code("noQueue")
        /// The connection was closed before or during the call. The request may have been executed.
        public static let closed = Code("closed")
        /// The request's version exceeds the client's version cap. Nothing was sent.
        public static let versionCapExceeded = Code("versionCapExceeded")
        /// The arguments can't be encoded, or don't match the method.
        public static let invalidArguments = Code("invalidArguments")
        /// The reply isn't what the method promises, or couldn't be sent. The request was executed.
        public static let invalidReply = Code("invalidReply")
        /// The request's context has a value of the wrong type.
        public static let invalidContext = Code("invalidContext")
        /// The target can't be used, for example because a name is empty or too long.
        public static let invalidTarget = Code("invalidTarget")
        /// Another error of the transport; see ``RPCError/cause``.
        public static let transport = Code("transport")
    }

    public var code: Code
    /// One sentence, without secrets. For ``Code/remote`` it is the remote error's message.
    public var message: String
    /// The error that the other side sent, if it comes from there.
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
