#if RabbitMQ
public import SwitchboardCore

extension DriverPlugin {
    /// The driver for `rabbit://`, `kombu://`, `amqp://` and `amqps://`, with SwiftNIO and librabbitmq.
    ///
    /// The options of the URL's query have oslo.messaging's names (`[oslo_messaging_rabbit]`) and take precedence over
    /// `configuration`.
    public static func rabbitMQ(_ configuration: RabbitMQConfiguration = .osloDefaults) -> DriverPlugin {
        DriverPlugin(schemes: "rabbit", "kombu", "amqp", "amqps") { url, logger throws(TransportError) in
            try RabbitMQDriver(url, configuration: configuration, logger: logger)
        }
    }
}
#else
public import SwitchboardCore

extension DriverPlugin {
    @available(
        *, unavailable,
        message: "built without librabbitmq: depend on switchboard with its trait RabbitMQ and install librabbitmq-dev"
    )
    public static func rabbitMQ(_ configuration: RabbitMQConfiguration = .osloDefaults) -> DriverPlugin {
        fatalError("The RabbitMQ driver is not in this build.")
    }
}
#endif
