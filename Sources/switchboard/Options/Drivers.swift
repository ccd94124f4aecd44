import SwitchboardCore
import SwitchboardInProcess
import SwitchboardSpool

#if RabbitMQ
    import SwitchboardRabbitMQ
#endif

extension DriverRegistry {
    /// All drivers that this program was built with.
    static var all: DriverRegistry {
        #if RabbitMQ
            DriverRegistry(.inProcess(), .spool(), .rabbitMQ())
        #else
            DriverRegistry(.inProcess(), .spool())
        #endif
    }
}
