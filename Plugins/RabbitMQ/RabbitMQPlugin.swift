#if RabbitMQ
public import SwitchboardCore

extension DriverPlugin {
    /// The driver for `rabbit://`, `kombu://`, `amqp://` and `amqps://`, by SwiftNIO and librabbitmq.
    ///
    /// Options of the URL's query are named as oslo.messaging's (`[oslo_messaging_rabbit]`) and win over
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
