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
            them. A notification is acknowledged after it was printed; with --batch, after its whole batch was, which is an \
            array on one line with --json. Control-C, SIGTERM or --count ends it.

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
    @Option(help: "End after so many notifications, or batches.")
    var count: Int?
    @Option(help: ArgumentHelp("Take batches of one priority, of at most so many.", valueName: "size"))
    var batch: Int?
    @Option(parsing: .unconditional, help: .time("How long the first notification of a batch waits for others"))
    var batchTimeout: TimeSpan = 1
    @OptionGroup var topics: NotificationTopicOptions
    @OptionGroup var aim: AimOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    static var ownQueue: CommandSettings.Name { .notificationURL }

    func validate() throws {
        if let count, count < 1 { throw ValidationError("--count is at least 1.") }
        if let batch, !(1...100_000).contains(batch) { throw ValidationError("--batch is from 1 to 100000.") }
        try batchTimeout.validate(as: "--batch-timeout")
    }

    func service(
        on connection: MessageQueueConnection, _ countdown: Countdown, _ outlet: Outlet, _ logger: Logger
    ) throws -> any Service {
        let filter = try NotificationFilter(publisherID: publisherID, eventType: eventType)
        var router = NotificationRouter()
        let priorities = priorities.isEmpty ? Set.all : Set(priorities)
        if batch == nil {
            router.handle(priorities, matching: filter) { [output] event in
                // What comes after the last that was asked for is somebody else's.
                guard countdown.count() else { throw NotificationRejection.release }
                try await outlet.print([output.json ? "\(JSONValue.object(event.report))" : Self.line(event)])
            }
        } else {
            router.handleBatches(priorities, matching: filter) { [output] events in
                guard countdown.count() else { throw NotificationRejection.release }
                try await outlet.print(
                    output.json ? ["\(JSONValue.array(events.map { .object($0.report) }))"] : events.map(Self.line))
            }
        }
        var configuration = NotificationListenerConfiguration()
        configuration.pool = pool
        configuration.batchSize = batch ?? 1
        configuration.batchTimeout = batchTimeout.duration
        // One by one: they are printed in their order, and no more are taken than are printed.
        configuration.maximumConcurrency = 1
        configuration.prefetch = batch ?? 1
        complain("listening in \(connection.name); Control-C ends it")
        return NotificationListener(
            connection, topics: try topics.all, router: router, configuration: configuration, logger: logger)
    }

    private static func line(_ event: NotificationEvent) -> String {
        "\(event.timestampText ?? "-") \(event.priority.wireName) \(event.eventType ?? "-") "
            + "\(event.publisherID ?? "-") \(event.payload)"
    }
}
