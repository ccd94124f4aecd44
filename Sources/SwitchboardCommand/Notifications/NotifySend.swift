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
    @Option(help: "The form of oslo.messaging's driver of that name.")
    var format = Format.messagingv2
    @Option(help: "Seconds until it is given up.")
    var timeout = 60.0
    @OptionGroup var topics: NotificationTopicOptions
    @OptionGroup var aim: AimOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if !(timeout > 0 && timeout < 1e9) { throw ValidationError("--timeout is a number of seconds over 0.") }
        if payload == "-", aim.transportURL == "-" {
            throw ValidationError("Only one of --payload and --transport-url can be read from standard input.")
        }
        if payload != "-" { _ = try parseJSON(Array(payload.utf8), what: "--payload") }
    }

    func perform(on connection: MessageQueueConnection) async throws {
        let payload = try parseJSON(payload == "-" ? StandardInput.json() : Array(payload.utf8), what: "the payload")
        let driver: NotificationDriver =
            switch format {
            case .messaging: .messaging(connection, topics: topics.all)
            case .messagingv2: .messagingV2(connection, topics: topics.all)
            }
        let notifier = Notifier(
            publisherID: publisherID, drivers: [driver], retry: NotificationRetry(timeout: .seconds(timeout)),
            logger: messageLogger())
        try await notifier.send(priority, eventType, payload)
        try reportSent("\(eventType) (\(priority)) to \(connection.name)", output)
    }
}
