import ArgumentParser
import StandardStreams
import SwitchboardCore
import SwitchboardMessaging

struct NotifySend: QueueCommand {
    static let configuration = CommandConfiguration(
        commandName: "send",
        abstract: "Sends one notification; it is safe in the queue when the command ends.",
        discussion: """
            For example: switchboard notify send --cell one volume.create.end --payload '{"size": 3}'

            \(MessageExit.help)
            """)

    /// The two forms of a notification on the wire.
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case messaging, messagingv2
    }

    @Argument(help: "What happened, for example volume.create.end.")
    var eventType: String
    @Option(help: ArgumentHelp("The payload; - to read it from standard input.", valueName: "json"))
    var payload = "{}"
    @Option(help: "How important it is.")
    var priority = NotificationPriority.info
    @Option(help: "Who publishes it, by convention service.host.")
    var publisherID = "switchboard"
    @Option(
        help:
            "The form of oslo.messaging's driver of that name. Default: a configuration file's driver, or messagingv2.")
    var format: Format?
    @Option(
        name: .customLong("timeout"), parsing: .unconditional,
        help: .time("Until it is given up", "Default: the profile's, or 60."))
    var givenTimeout: TimeSpan?
    @OptionGroup var topics: NotificationTopicOptions
    @OptionGroup var aim: AimOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    static var ownQueue: CommandSettings.Name { .notificationURL }

    private var timeout: Duration {
        givenTimeout?.duration ?? CommandSettings.current.timeout ?? .seconds(60)
    }

    func validate() throws {
        try givenTimeout?.validate(as: "--timeout")
        if payload == "-", aim.transportURL == "-" {
            throw ValidationError("Only one of --payload and --transport-url can be read from standard input.")
        }
        if payload != "-" { _ = try parseJSON(Array(payload.utf8), what: "--payload") }
    }

    func perform(on connection: MessageQueueConnection) async throws {
        let payload = try parseJSON(payload == "-" ? StandardInput.json() : Array(payload.utf8), what: "the payload")
        let topics = try topics.all
        let settings = try CommandSettings.current.notifications()
        let driver: NotificationDriver =
            switch format ?? settings.drivers.lazy.compactMap(Format.init(rawValue:)).first ?? .messagingv2 {
            case .messaging: .messaging(connection, topics: topics)
            case .messagingv2: .messagingV2(connection, topics: topics)
            }
        var retry = NotificationRetry(timeout: timeout)
        // 0 is one attempt, and below 0 there is no end of them, until the time is over.
        if let again = settings.retry, again >= 0 { retry.maximumAttempts = again < .max ? again + 1 : nil }
        let notifier = Notifier(
            publisherID: publisherID, drivers: [driver], retry: retry, logger: messageLogger())
        try await notifier.send(priority, eventType, payload)
        try reportSent("\(eventType) (\(priority)) to \(connection.name)", output)
    }
}
