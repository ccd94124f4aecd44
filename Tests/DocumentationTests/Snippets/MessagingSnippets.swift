import Logging
import SwitchboardCore
import SwitchboardMessaging

// What the pages about errors, executions, middleware and notifications quote.

func throwSnippet(uuid: String) throws {
    // snippet.throwing
    throw RemoteError(
        className: "InstanceNotFound", module: "nova.exception", message: "Instance \(uuid) could not be found.")
    // snippet.end
}

// snippet.transferableError
struct InstanceNotFound: RPCTransferableError {
    static let remoteClass = "InstanceNotFound"
    static let remoteModule = "nova.exception"
    var uuid: String

    init?(_ remote: RemoteError) {
        guard let uuid = remote.keywordArguments["instance_id"]?.string else { return nil }
        self.uuid = uuid
    }

    var remoteError: RemoteError {
        RemoteError(
            className: Self.remoteClass, module: Self.remoteModule,
            message: "Instance \(uuid) could not be found.",
            keywordArguments: ["instance_id": .string(uuid)])
    }
}
// snippet.end

func registrySnippet(client: RPCClient) {
    var client = client
    // snippet.errorRegistry
    client.errors.register(InstanceNotFound.self)
    // snippet.end
    _ = client
}

func neverTwiceSnippet(connection: MessageQueueConnection) {
    // snippet.neverTwice
    var client = RPCClient(connection, target: RPCTarget(topic: "billing"))
    client.neverTwice = true
    // snippet.end
    _ = client
}

func middlewareSnippet() -> RPCServerConfiguration {
    // snippet.middleware
    struct AdministratorsOnly: RPCServerMiddleware {
        func handle(
            _ request: RPCServerRequest, next: @Sendable (RPCServerRequest) async throws -> JSONValue
        ) async throws -> JSONValue {
            guard request.context.isAdmin == true else {
                throw RemoteError(className: "Forbidden", module: "nova.exception", message: "Administrators only.")
            }
            return try await next(request)
        }
    }

    var configuration = RPCServerConfiguration()
    configuration.middleware = [AdministratorsOnly()]
    // snippet.end
    return configuration
}

func notifierSnippet(connection: MessageQueueConnection, context: RequestContext, logger: Logger) async {
    // snippet.notifier
    let notifier = Notifier(
        publisherID: "compute.host1",
        drivers: [.messagingV2(connection, topics: [Topic("notifications")]), .log(logger)],
        logger: logger)

    await notifier.info("compute.instance.create.end", ["instance_id": "i-1"], context: context)
    // snippet.end
}

func listenerSnippet(
    connection: MessageQueueConnection, logger: Logger,
    index: @escaping @Sendable (NotificationEvent) async throws -> Void
) throws -> NotificationListener {
    // snippet.listener
    var router = NotificationRouter()
    router.handle([.info, .error], matching: try NotificationFilter(eventType: #"compute\.instance\."#)) { event in
        try await index(event)
    }
    let listener = NotificationListener(
        connection, topics: [Topic("notifications")], router: router, logger: logger)
    // snippet.end
    return listener
}
