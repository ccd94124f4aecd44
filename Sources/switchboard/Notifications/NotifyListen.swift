import ArgumentParser
import Logging
import ServiceLifecycle
import SwitchboardCore
import SwitchboardMessaging

struct NotifyListen: ServingCommand {
    static let configuration = CommandConfiguration(
        commandName: "listen",
        abstract: "Prints notifications as they come, and takes them off their queues.",
        discussion: """
            Without --pool it takes the notifications from whoever else listens to the topic; with --pool it gets a copy of \
            them. A notification is acknowledged after it was printed. Control-C, SIGTERM or --count ends it.

            For example: switchboard notify listen --cell one --priority info --priority error --event-type 'volume\\..*'

            \(MessageExit.help)
            """)

    @Option(name: .customLong("priority"), help: "A priority; give it again for more. Default: all.")
    var priorities: [NotificationPriority] = []
    @Option(help: "Listen to a copy, shared by the listeners of this pool.")
    var pool: String?
    @Option(help: ArgumentHelp("Only event types that begin with a match.", valueName: "regex"))
    var eventType: String?
    @Option(help: ArgumentHelp("Only publishers that begin with a match.", valueName: "regex"))
    var publisherID: String?
    @Option(help: "End after so many notifications.")
    var count: Int?
    @OptionGroup var topics: NotificationTopicOptions
    @OptionGroup var aim: AimOptions
    @OptionGroup var output: OutputOptions

    func service(
        on connection: MessageQueueConnection, _ countdown: Countdown, _ logger: Logger
    ) throws -> any Service {
        let filter = try NotificationFilter(publisherID: publisherID, eventType: eventType)
        var router = NotificationRouter()
        router.handle(priorities.isEmpty ? .all : Set(priorities), matching: filter) { [output] event in
            // What comes after the last that was asked for is somebody else's.
            guard countdown.count() else { throw NotificationRejection.requeue }
            printLine(output.json ? "\(JSONValue.object(event.report))" : Self.line(event))
        }
        var configuration = NotificationListenerConfiguration()
        configuration.pool = pool
        // One by one: they are printed in their order, and no more are taken than are printed.
        configuration.maximumConcurrency = 1
        configuration.prefetch = 1
        complain("listening in \(connection.name); Control-C ends it")
        return NotificationListener(
            connection, topics: topics.all, router: router, configuration: configuration, logger: logger)
    }

    private static func line(_ event: NotificationEvent) -> String {
        printable(
            "\(event.timestampText ?? "-") \(event.priority.wireName) \(event.eventType ?? "-") "
                + "\(event.publisherID ?? "-") \(event.payload)")
    }
}
