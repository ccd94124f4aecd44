import OsloConfiguration
import SwitchboardCore

#if RabbitMQ
    import SwitchboardRabbitMQ

    /// What `[oslo_messaging_rabbit]` of configuration files says to the RabbitMQ driver. A URL's own query wins.
    struct QueueConfiguration: Sendable {
        private let options: [TransportURL.Option]
        /// What the driver can't follow, a sentence each.
        let notices: [String]

        init(_ files: NovaConfiguration) throws(OsloConfigurationError) {
            let given = try files.queueOptions().filter { RabbitMQConfiguration.osloOptions.contains($0.option.name) }
            options = given.map(\.option).filter { RabbitMQConfiguration.refusal(of: $0) == nil }
            notices = given.compactMap { option, origin in
                RabbitMQConfiguration.refusal(of: option).map { reason in
                    "[oslo_messaging_rabbit] \(option.name) (\(origin)) isn't used: \(reason)."
                }
            }
        }

        /// As oslo.messaging has it by default.
        init() {
            options = []
            notices = []
        }

        /// The options for the driver; what it can't follow is said once.
        var announced: [TransportURL.Option] {
            notices.forEach(Notices.say)
            return options
        }
    }
#endif
