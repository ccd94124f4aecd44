import SwitchboardCore

/// An error of publishing or filtering notifications.
public struct NotificationError: Error, Sendable {
    /// What kind of error it is. Open: drivers may add codes of their own.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String

        public init(_ name: String) {
            self.description = name
        }

        /// The notification was certainly not sent; repeating is safe.
        public static let unavailable = Code("unavailable")
        /// The notification was maybe sent.
        public static let indeterminate = Code("indeterminate")
        /// Back-pressure: a bound was reached; try later.
        public static let exhausted = Code("exhausted")
        /// The queue's owner refuses us (credentials, virtual host).
        public static let refused = Code("refused")
        /// The connection was closed.
        public static let closed = Code("closed")
        /// A topic's name is empty or too long.
        public static let invalidTopic = Code("invalidTopic")
        /// The payload cannot be encoded.
        public static let invalidPayload = Code("invalidPayload")
        /// A filter's pattern is no regular expression.
        public static let invalidFilter = Code("invalidFilter")
        /// The rules of the routing driver cannot be read, or name a driver that there is not.
        public static let invalidRules = Code("invalidRules")
        /// Another error of the transport; see ``NotificationError/cause``.
        public static let transport = Code("transport")
    }

    public var code: Code
    /// One sentence, without secrets.
    public var message: String
    public var cause: (any Error)?

    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }
}

extension NotificationError: CustomStringConvertible {
    public var description: String {
        // A transport's error is in the sentence already.
        guard let cause, !(cause is TransportError) else { return "\(code): \(message)" }
        return "\(code): \(message) (\(cause))"
    }
}

extension NotificationError {
    /// An error of the transport, seen from a notifier.
    init(_ error: TransportError, during activity: String) {
        let code: Code =
            switch error.code {
            case .unavailable: .unavailable
            case .indeterminate: .indeterminate
            case .exhausted: .exhausted
            case .refused: .refused
            case .closed: .closed
            case .invalidAddress: .invalidTopic
            default: .transport
            }
        self.init(code, "\(activity) failed: \(error.message)", cause: error)
    }
}
