/// Why a broker closes a connection or a channel: AMQP's reply codes, as RabbitMQ uses them.
public struct BrokerClosure: Sendable, Hashable {
    public var code: Int
    /// What the broker says, as RabbitMQ puts it: the code's name, a dash, and the reason.
    public var text: String

    public init(code: Int, text: String) {
        self.code = code
        self.text = text
    }

    /// 320: an operator closed the connection, or the node shuts down.
    public static let connectionForced = BrokerClosure(
        code: 320, text: "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'")
    /// 403: no such user, a wrong password, or no permission.
    public static let accessRefused = BrokerClosure(code: 403, text: "ACCESS_REFUSED - access was refused")
    /// 404: no such queue or exchange.
    public static let notFound = BrokerClosure(code: 404, text: "NOT_FOUND - no queue or exchange of that name")
    /// 405: somebody else has the queue for himself.
    public static let resourceLocked = BrokerClosure(
        code: 405, text: "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue")
    /// 406: the queue exists with other arguments.
    public static let preconditionFailed = BrokerClosure(
        code: 406, text: "PRECONDITION_FAILED - inequivalent arg 'durable' for queue")
    /// 501: what arrived was no frame.
    public static let frameError = BrokerClosure(code: 501, text: "FRAME_ERROR - cannot decode frame")
    /// 530: no such virtual host, or a limit of connections.
    public static let notAllowed = BrokerClosure(
        code: 530, text: "NOT_ALLOWED - access to the virtual host was refused")
    /// 541: the broker failed.
    public static let internalError = BrokerClosure(code: 541, text: "INTERNAL_ERROR - the broker failed")
}

extension BrokerClosure: CustomStringConvertible {
    public var description: String { "\(code) \(text)" }
}
