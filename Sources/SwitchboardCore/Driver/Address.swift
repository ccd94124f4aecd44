/// A topic of an exchange: what a group of servers listens on together.
public struct Topic: Hashable, Sendable {
    /// The control exchange (oslo.messaging's word). Drivers that have no exchanges keep topics of different exchanges apart.
    public var exchange: String
    public var name: String

    public init(_ name: String, exchange: String = Topic.defaultExchange) {
        self.exchange = exchange
        self.name = name
    }

    /// oslo.messaging's `control_exchange` default. Nova's is `nova`.
    public static let defaultExchange = "openstack"
}

extension Topic: CustomStringConvertible {
    public var description: String { "\(exchange)/\(name)" }
}

/// Where a caller's replies arrive.
public struct Mailbox: Hashable, Sendable {
    /// The whole name, for example `reply_` and 32 hexadecimal digits.
    public var name: String

    public init(named name: String) {
        self.name = name
    }
}

/// Where a message goes, or what a subscription takes from.
///
/// An enum on purpose: a new case must break every driver.
public enum Address: Hashable, Sendable {
    /// One consumer of the topic takes each message.
    case topic(Topic)
    /// The consumer of that name takes each message; consumers of the same name compete.
    case server(Topic, server: String)
    /// Every consumer takes a copy. A subscription is one consumer.
    case fanout(Topic)
    /// A caller's replies.
    case mailbox(Mailbox)
    /// The notifications of one topic and priority (the topic's name is `notifications.info`, for example): a queue
    /// that exists from the first publish or subscription on, so that nothing is lost before a listener comes.
    case notifications(Topic)
    /// A pool's own copy of the notifications of a topic. For subscribing only; members of a pool compete, and one
    /// pool subscribed to several topics has one queue.
    case pool(String, of: Topic)
}

extension Address: CustomStringConvertible {
    public var description: String {
        switch self {
        case .topic(let topic): "topic \(topic)"
        case .server(let topic, let server): "server \(server) of topic \(topic)"
        case .fanout(let topic): "fanout of topic \(topic)"
        case .mailbox(let mailbox): "mailbox \(mailbox.name)"
        case .notifications(let topic): "notifications \(topic)"
        case .pool(let pool, let topic): "pool \(pool) of notifications \(topic)"
        }
    }
}
