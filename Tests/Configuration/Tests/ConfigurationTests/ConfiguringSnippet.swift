import Logging
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardRabbitMQ

// What Configuring.md quotes. Without its trait the driver for RabbitMQ is not to be had, and its settings are.

// snippet.configuring
import Configuration

func makeServer(router: RPCRouter, drivers: (RabbitMQConfiguration) -> DriverRegistry) async throws -> RPCServer {
    let config = ConfigReader(providers: [
        EnvironmentVariablesProvider(),
        try await FileProvider<JSONSnapshot>(filePath: "/etc/my-service.json"),
    ])
    let rabbitMQ = try RabbitMQConfiguration(config: config.scoped(to: "rabbitmq"))
    let connection = try MessageQueueConnection(
        config: config.scoped(to: "transport"), drivers: drivers(rabbitMQ))
    return RPCServer(
        connection, topic: "greeter", router: router,
        configuration: try RPCServerConfiguration(config: config.scoped(to: "server")))
}
// snippet.end
