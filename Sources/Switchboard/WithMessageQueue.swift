public import Logging
public import SwitchboardCore
public import SwitchboardMessaging

/// Connects to a message queue and runs the connection while `body` runs.
///
///     try await withMessageQueue("rabbit://guest:guest@127.0.0.1/", .rabbitMQ()) { queue in
///         let client = RPCClient(queue, topic: "greeter")
///         print(try await client.call("greet", ["name": "World"]))
///     }
///
/// `body` starts at once: what it sends waits for the connection, up to its deadline. A lost connection is made again. When
/// `body` ends, the connection closes.
///
/// - Parameters:
///   - url: the queue, for example `rabbit://user:password@host/vhost`, `spool:///directory` or `fake://name`.
///   - drivers: the drivers that the program has. The URL's scheme chooses one.
///   - configuration: bounds and defaults of the transport.
///   - name: what errors and logs call the connection.
///   - telemetry: the tracer and the metrics backend that the connection reports to.
///   - logger: receives what the connection logs.
///   - body: runs in the caller's task, with the connection.
/// - Returns: what `body` returns.
/// - Throws: a `TransportError` when the URL cannot be used, or for what ended the connection for good (a
///   refused login, for example); else what `body` throws.
public func withMessageQueue<Result>(
    _ url: String,
    _ drivers: DriverPlugin...,
    configuration: TransportConfiguration = TransportConfiguration(),
    name: String = "own",
    telemetry: Telemetry = Telemetry(),
    logger: Logger = Logger(label: "switchboard"),
    _ body: (MessageQueueConnection) async throws -> Result
) async throws -> Result {
    try await withMessageQueue(
        try TransportURL(url), drivers: DriverRegistry(drivers), configuration: configuration, name: name,
        telemetry: telemetry, logger: logger, body)
}

/// Connects to a message queue and runs the connection while `body` runs, for programs that have parsed the URL and keep
/// a registry of drivers.
///
/// As ``withMessageQueue(_:_:configuration:name:telemetry:logger:_:)`` otherwise.
public func withMessageQueue<Result>(
    _ url: TransportURL,
    drivers: DriverRegistry,
    configuration: TransportConfiguration = TransportConfiguration(),
    name: String = "own",
    telemetry: Telemetry = Telemetry(),
    logger: Logger = Logger(label: "switchboard"),
    _ body: (MessageQueueConnection) async throws -> Result
) async throws -> Result {
    let queue = try MessageQueueConnection(
        url, drivers: drivers, configuration: configuration, name: name, telemetry: telemetry, logger: logger)
    return try await withRunning(queue) { try await body(queue) }
}
