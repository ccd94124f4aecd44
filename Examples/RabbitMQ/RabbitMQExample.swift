import Logging
import ServiceLifecycle
import SwitchboardCore
import SwitchboardMessaging
import UnixSignals

#if RabbitMQ
    import SwitchboardRabbitMQ
#endif

/// A service on RabbitMQ, and its client: two programs in one.
///
///     swift run RabbitMQExample serve rabbit://guest:guest@127.0.0.1/
///     swift run RabbitMQExample greet rabbit://guest:guest@127.0.0.1/ World
///
/// The service may restart, and so may the broker. SIGTERM lets it finish what it has begun. Any oslo.messaging program
/// can be the other side: topic `greeter`, method `greet(name)`.
@main
struct RabbitMQExample {
    struct Name: Codable, Sendable {
        var name: String
    }

    static let greet = RPCMethod<Name, String>("greet", version: "1.0")
    static let topic = Topic("greeter")

    static func main() async throws {
        #if RabbitMQ
            let arguments = CommandLine.arguments
            guard arguments.count >= 3 else { return print("usage: RabbitMQExample serve|greet URL [NAME]") }
            let logger = Logger(label: "greeter") { StreamLogHandler.standardError(label: $0) }
            let queue = try MessageQueueConnection(
                TransportURL(arguments[2]), drivers: DriverRegistry(.rabbitMQ()), logger: logger)
            switch arguments[1] {
            case "serve": try await serve(queue, logger)
            default: try await call(queue, arguments.count > 3 ? arguments[3] : "World")
            }
        #else
            print("This build has no RabbitMQ driver: build it with the trait RabbitMQ.")
        #endif
    }

    static func serve(_ queue: MessageQueueConnection, _ logger: Logger) async throws {
        var router = RPCRouter()
        router.register(greet) { name, context in
            print("greeting \(name.name) for \(context.userID ?? "nobody")")
            return "Hello, \(name.name)!"
        }
        let server = RPCServer(queue, topic: topic, name: "greeter-1", router: router, logger: logger)
        // The queue is listed first, so that it is shut down last: the server can still answer.
        let group = ServiceGroup(
            services: [queue, server], gracefulShutdownSignals: [.sigterm], cancellationSignals: [.sigint],
            logger: logger)
        print("serving through \(queue.transport.url)")
        try await group.run()
        print("stopped")
    }

    static func call(_ queue: MessageQueueConnection, _ name: String) async throws {
        let client = RPCClient(queue, target: RPCTarget(topic: topic.name), timeout: .seconds(10))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await queue.run() }
            defer { group.cancelAll() }
            do {
                print(try await client.call(greet, Name(name: name), context: RequestContext(userID: "alice")))
            } catch let error as RPCError where error.code == .unroutable {
                print("nobody serves: start the service first")
            }
        }
    }
}
