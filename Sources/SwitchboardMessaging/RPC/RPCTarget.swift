public import SwitchboardCore

/// Where requests go: a topic of an exchange, and optionally one of its servers.
public struct RPCTarget: Hashable, Sendable {
    public var topic: Topic
    /// The server that takes the request; `nil` means any server of the topic.
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
