#if RabbitMQ
/// The AMQP methods that we receive, copied out of librabbitmq's memory.
enum IncomingMethod: Hashable, Sendable {
    case start(mechanisms: String, product: String?, version: String?)
    case secure
    case tune(channelMax: UInt16, frameMax: UInt32, heartbeat: UInt16)
    case openOK
    case updateSecretOK
    case close(Closure)
    case closeOK
    case blocked(reason: String)
    case unblocked
    case channelOpenOK
    case channelClose(Closure)
    case channelCloseOK
    case channelFlow(active: Bool)
    case exchangeDeclareOK
    case queueDeclareOK(ready: UInt32, consumers: UInt32)
    case queueBindOK
    case queueDeleteOK
    case prefetchOK
    case consumeOK
    case cancelOK
    case cancel(tag: String)
    case confirmSelectOK
    case deliver(tag: UInt64, isRedelivered: Bool)
    /// The same, where it matters by which way a message came: to a client with ``ConnectionClient/readsRoutes``.
    case routed(Route)
    case ack(tag: UInt64, multiple: Bool)
    case nack(tag: UInt64, multiple: Bool)
    case returned(Return)
    /// A method that no part of this driver asked for.
    case other(id: UInt32)

    /// Why the broker closed a connection or a channel.
    struct Closure: Hashable, Sendable {
        var code: UInt16
        var text: String
        var classID: UInt16 = 0
        var methodID: UInt16 = 0
    }

    /// By which way a message came to a queue.
    struct Route: Hashable, Sendable {
        var exchange: String
        var routingKey: String
    }

    /// A mandatory message that no queue took.
    struct Return: Hashable, Sendable {
        var code: UInt16
        var text: String
        var exchange: String
        var routingKey: String
    }
}

/// The properties of a message that arrives, and how long its body is.
struct ContentHeader: Sendable {
    var bodySize: UInt64
    var contentType = ""
    var contentEncoding = ""
    var headers: [String: String] = [:]
    /// Why this message cannot be taken. Its other properties may be missing then.
    var defect: ContentDefect?
}

/// What is wrong with one message, whose frames are in order. It concerns that message alone, never its connection.
enum ContentDefect: Hashable, Sendable, CustomStringConvertible {
    case headerTooLarge(bytes: Int, limit: Int)
    case bodyTooLarge(bytes: UInt64, limit: Int)
    case unreadableHeader(reason: String)

    var description: String {
        switch self {
        case .headerTooLarge(let bytes, let limit):
            "its headers take \(bytes) bytes, more than the \(limit) of the largest frame"
        case .bodyTooLarge(let bytes, let limit):
            "its body has \(bytes) bytes, more than the \(limit) of maximumMessageSize"
        case .unreadableHeader(let reason): "its headers cannot be read: \(reason)"
        }
    }
}

/// What takes the frames of one connection as they are decoded.
protocol FrameReceiver: AnyObject {
    func received(_ method: IncomingMethod, channel: UInt16) throws(ProtocolViolation)
    func received(_ header: ContentHeader, channel: UInt16) throws(ProtocolViolation)
    /// Some bytes of a body, which need not be all of their frame. `body` is valid during the call only.
    func received(_ body: UnsafeRawBufferPointer, channel: UInt16) throws(ProtocolViolation)
}

/// Bytes or frames that a broker must not send, so that nothing after them can be trusted. The connection is given up.
struct ProtocolViolation: Error, Hashable, CustomStringConvertible {
    var description: String

    init(_ description: String) {
        self.description = description
    }
}
#endif
