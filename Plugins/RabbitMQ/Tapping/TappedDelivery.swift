#if RabbitMQ
package import SwitchboardCore

/// A copy of a message, as it came to a tap's own queue.
package struct TappedDelivery: Sendable {
    /// The exchange that it was published to; the firehose's for what the firehose tells.
    package var exchange: String
    package var routingKey: String
    /// Its headers are those of the message, and nested ones as `outer.inner`.
    package var message: Message
    /// Why its content could not be taken. The body is empty then.
    package var defect: String?
}
#endif
