public import SwitchboardCore

/// Where requests go, in people's terms: an exchange and topic, and maybe one server of it.
public struct RPCTarget: Hashable, Sendable {
    public var topic: Topic
    /// The one server that takes the request; `nil`: any server of the topic.
    public var server: String?

    public init(topic: String, exchange: String = Topic.defaultExchange, server: String? = nil) {
        self.topic = Topic(topic, exchange: exchange)
        self.server = server
    }

    public init(_ topic: Topic, server: String? = nil) {
        self.topic = topic
        self.server = server
    }

    var address: Address {
        server.map { .server(topic, server: $0) } ?? .topic(topic)
    }
}

extension RPCTarget: CustomStringConvertible {
    public var description: String {
        server.map { "\($0) of \(topic)" } ?? "\(topic)"
    }
}
