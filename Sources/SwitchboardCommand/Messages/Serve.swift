import ArgumentParser
import Foundation
import Logging
import ServiceLifecycle
import SwitchboardCore
import SwitchboardMessaging

struct Serve: ServingCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serves a topic for trying things out: answers every method with what it got.",
        discussion: """
            Prints each request, a line each, and answers it with {"server", "method", "arguments"}; or with --reply. \
            Control-C, SIGTERM or --count ends it, after what was begun is answered. A request is acknowledged after it \
            was printed and answered; one that cannot be printed ends the command, and stays in the queue.

            For example: switchboard serve --cell one --topic compute --server host1

            \(MessageExit.help)
            """)

    @Option(help: "The topic to serve.")
    var topic: String
    @Option(help: "The exchange of the topic.")
    var exchange = Topic.defaultExchange
    // Computed when the command runs: a default would put the name of the building machine into man pages.
    @Option(help: "The server's own name. Default: the host's.")
    var server: String?
    @Option(help: ArgumentHelp("What to answer with.", valueName: "json"))
    var reply: String?
    @Option(help: "End after so many requests.")
    var count: Int?
    @OptionGroup var aim: AimOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    func service(
        on connection: MessageQueueConnection, _ countdown: Countdown, _ outlet: Outlet, _ logger: Logger
    ) throws -> any Service {
        let answer = try reply.map { try parseJSON(Array($0.utf8), what: "--reply") }
        let server = server ?? ProcessInfo.processInfo.hostName
        var router = RPCRouter()
        router.registerPing()
        router.registerFallback { [output] method, arguments, context in
            try await outlet.print([line(method, arguments, context, asJSON: output.json)])
            countdown.count()
            return answer ?? ["server": .string(server), "method": .string(method), "arguments": .object(arguments)]
        }
        var configuration = RPCServerConfiguration()
        // What could not be printed is not lost.
        configuration.acknowledgement = .atLeastOnce
        complain("serving \(topic) as \(server) in \(connection.name); Control-C ends it")
        return RPCServer(
            connection, topic: Topic(topic, exchange: exchange), name: server, router: router,
            configuration: configuration, logger: logger)
    }
}

/// One request, as a line.
private func line(
    _ method: String, _ arguments: JSONObject, _ context: RequestContext, asJSON: Bool
) -> String {
    if asJSON {
        var object = JSONObject()
        object["method"] = .string(method)
        object["arguments"] = .object(arguments)
        object["request_id"] = JSONValue(context.requestID)
        object["user"] = JSONValue(context.userID)
        object["project"] = JSONValue(context.projectID)
        return "\(JSONValue.object(object))"
    }
    return "\(method) \(JSONValue.object(arguments))"
}
