import SwitchboardCore
import SwitchboardInProcess
import SwitchboardSpool

#if RabbitMQ
    import SwitchboardRabbitMQ
#endif

extension DriverRegistry {
    /// All drivers that this program was built with, with what configuration files say of `[oslo_messaging_rabbit]`.
    static var all: DriverRegistry {
        #if RabbitMQ
            return DriverRegistry(
                .inProcess(), .spool(), .rabbitMQ(osloOptions: CommandSettings.current.rabbitMQ.announced))
        #else
            var drivers = DriverRegistry(.inProcess(), .spool())
            drivers.explainAbsence(
                of: "rabbit", "kombu", "amqp", "amqps", because: "Build this program with the trait RabbitMQ.")
            return drivers
        #endif
    }
}
