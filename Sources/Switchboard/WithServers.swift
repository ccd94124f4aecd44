public import Logging
public import SwitchboardCore
public import SwitchboardMessaging

/// Serves RPC requests of a topic while `body` runs.
///
///     try await withRPCServer(queue, topic: "greeter", router: router) {
///         …
///     }
///
/// `body` starts once the server serves. When `body` returns, the server takes nothing new, and this function returns once
/// the handlers that run have finished and answered.
///
/// - Parameters:
///   - queue: a connection that runs, for example that of ``withMessageQueue(_:_:configuration:name:telemetry:logger:_:)``.
///   - name: the server's own name, which requests can be sent to; the host's name by default.
/// - Throws: a ``SwitchboardCore/TransportError`` when the subscriptions cannot be made or are lost for good; else what
///   `body` throws.
public func withRPCServer<Result>(
    _ queue: MessageQueueConnection,
    topic: Topic,
    name: String = RPCServer.defaultName,
    router: RPCRouter,
    configuration: RPCServerConfiguration = RPCServerConfiguration(),
    logger: Logger = Logger(label: "switchboard"),
    _ body: () async throws -> Result
) async throws -> Result {
    let server = RPCServer(
        queue, topic: topic, name: name, router: router, configuration: configuration, logger: logger)
    return try await withRunning(server) {
        try await server.waitUntilServing()
        return try await body()
    }
}

/// Handles the notifications of some topics while `body` runs.
///
/// `body` starts once the listener listens. When `body` returns, the listener takes nothing new, and this function returns
/// once the handlers that run have finished.
///
/// - Parameters:
///   - queue: a connection that runs.
///   - router: has at least one handler.
/// - Throws: a ``SwitchboardCore/TransportError`` when the subscriptions cannot be made or are lost for good; else what
///   `body` throws.
public func withNotificationListener<Result>(
    _ queue: MessageQueueConnection,
    topics: [Topic] = ["notifications"],
    router: NotificationRouter,
    configuration: NotificationListenerConfiguration = NotificationListenerConfiguration(),
    logger: Logger = Logger(label: "switchboard"),
    _ body: () async throws -> Result
) async throws -> Result {
    let listener = NotificationListener(
        queue, topics: topics, router: router, configuration: configuration, logger: logger)
    return try await withRunning(listener) {
        try await listener.waitUntilListening()
        return try await body()
    }
}
