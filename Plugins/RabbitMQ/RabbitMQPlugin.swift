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

    /// The driver with options as `[oslo_messaging_rabbit]` of a configuration file has them, each of which a URL's own wins
    /// over, as in oslo.messaging.
    package static func rabbitMQ(osloOptions: [TransportURL.Option]) -> DriverPlugin {
        DriverPlugin(schemes: "rabbit", "kombu", "amqp", "amqps") { url, logger throws(TransportError) in
            let configuration = try OsloOptions.configuration(of: url, besides: osloOptions)
            return try RabbitMQDriver(url, configuration: configuration, logger: logger)
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
