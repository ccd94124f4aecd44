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
///   - topic: the topic to serve.
///   - name: the server's own name, which requests can be sent to; the host's name by default.
///   - router: says which handler serves which method.
///   - configuration: how the server works.
///   - logger: receives what the server logs.
///   - body: runs in the caller's task, once the server serves.
/// - Returns: what `body` returns.
/// - Throws: a `TransportError` when the subscriptions cannot be made or are lost for good; else what
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
///   - topics: at least one.
///   - router: has at least one handler.
///   - configuration: how the listener works.
///   - logger: receives what the listener logs.
///   - body: runs in the caller's task, once the listener listens.
/// - Returns: what `body` returns.
/// - Throws: a `TransportError` when the subscriptions cannot be made or are lost for good; else what
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
