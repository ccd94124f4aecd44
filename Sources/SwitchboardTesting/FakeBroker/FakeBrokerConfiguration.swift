/// How a ``FakeBroker`` is set up.
public struct FakeBrokerConfiguration: Sendable {
    /// The URL schemes that it serves: those of the RabbitMQ driver, so that a service's own URLs reach it.
    public var schemes = ["rabbit", "kombu", "amqp", "amqps"]

    /// How many messages a queue holds (`max-length` with `overflow = reject-publish`); over it a publish gets
    /// `exhausted` at once. `nil`: as many as come.
    public var queueLimit: Int?

    /// The largest message, in bytes (`max_message_size`).
    public var maximumMessageSize = 128 * 1024 * 1024

    /// How many connections a virtual host takes; more wait. A transport has one. `nil`: as many as come.
    public var connectionLimit: Int?

    /// How long a connection that was closed stays away.
    public var outage: Duration = .milliseconds(20)

    public init() {}
}
