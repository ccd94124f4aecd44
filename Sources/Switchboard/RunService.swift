public import Logging
public import ServiceLifecycle
public import SwitchboardCore
public import SwitchboardMessaging
import UnixSignals

/// Serves RPC requests of a topic until the process is told to end: a daemon in one call.
///
///     try await runService("rabbit://guest:guest@127.0.0.1/", .rabbitMQ(), topic: "greeter", router: router)
///
/// SIGTERM and SIGINT shut it down gracefully: it takes nothing new, lets the handlers that run finish and answer, gives back
/// what has not begun, and returns. Handlers that still run after `shutdownTimeout` are cancelled.
///
/// - Parameters:
///   - url: the queue, for example `rabbit://user:password@host/vhost`.
///   - drivers: the drivers that the program has. The URL's scheme chooses one.
///   - topic: the topic to serve.
///   - name: the server's own name, which requests can be sent to; the host's name by default.
///   - router: says which handler serves which method.
///   - configuration: how the server works.
///   - telemetry: the tracer and the metrics backend that the connection reports to.
///   - shutdownTimeout: how long handlers may go on after the signal.
///   - logger: receives what the connection and the server log.
/// - Throws: a `TransportError` when the URL cannot be used, or for what ended the connection or the
///   server for good.
public func runService(
    _ url: String,
    _ drivers: DriverPlugin...,
    topic: Topic,
    name: String = RPCServer.defaultName,
    router: RPCRouter,
    configuration: RPCServerConfiguration = RPCServerConfiguration(),
    telemetry: Telemetry = Telemetry(),
    shutdownTimeout: Duration = .seconds(60),
    logger: Logger = Logger(label: "switchboard")
) async throws {
    let url = try TransportURL(url)
    try await runService(
        url, drivers: DriverRegistry(drivers), telemetry: telemetry, shutdownTimeout: shutdownTimeout, logger: logger
    ) { queue in
        [RPCServer(queue, topic: topic, name: name, router: router, configuration: configuration, logger: logger)]
    }
}

/// Runs services that share one message queue until the process is told to end.
///
///     try await runService(url, drivers: DriverRegistry(.rabbitMQ())) { queue in
///         [RPCServer(queue, topic: "greeter", router: router), NotificationListener(queue, router: notifications)]
///     }
///
/// SIGTERM and SIGINT shut the services down gracefully, the last one first and the connection last of all. What still runs
/// after `shutdownTimeout` is cancelled.
///
/// - Parameters:
///   - url: the queue.
///   - drivers: the drivers that the program has.
///   - telemetry: the tracer and the metrics backend that the connection reports to.
///   - shutdownTimeout: how long the services may go on after the signal.
///   - logger: receives what the connection and the services' group log.
///   - makeServices: makes the services from the connection. List a service after those that it uses.
/// - Throws: a `TransportError` when the URL cannot be used; what ended a service or the connection for
///   good; what `makeServices` throws.
public func runService(
    _ url: TransportURL,
    drivers: DriverRegistry,
    telemetry: Telemetry = Telemetry(),
    shutdownTimeout: Duration = .seconds(60),
    logger: Logger = Logger(label: "switchboard"),
    _ makeServices: (MessageQueueConnection) throws -> [any Service]
) async throws {
    let queue = try MessageQueueConnection(url, drivers: drivers, telemetry: telemetry, logger: logger)
    var configuration = ServiceGroupConfiguration(
        services: [queue] + (try makeServices(queue)), gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
    configuration.maximumGracefulShutdownDuration = shutdownTimeout
    try await ServiceGroup(configuration: configuration).run()
}
