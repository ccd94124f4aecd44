import ArgumentParser
import SwitchboardCore

struct QueueAuditCommand: ConfiguredCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Holds the queues and exchanges of a bus against what its options would declare.",
        discussion: """
            Finds queues and exchanges with another type or other arguments, and names the option that decides it; notification \
            queues that nobody reads, with their size and their growth; queues of servers that nobody serves; reply and fanout \
            queues whose program has gone; quorum queues and streams with too few replicas. It takes no message and changes nothing.

            For example: switchboard queue audit --cell one --management-port 15672 --growth 10

            AMQP lists no queues: to see all of them, give RabbitMQ's management API with --management-url or --management-port. It \
            is asked with the URL's user, who needs the tag management there (for replicas, monitoring), unless \
            SWITCHBOARD_MANAGEMENT_USER and SWITCHBOARD_MANAGEMENT_PASSWORD name another one. Without the API, name what to look \
            at with --topic; whatever is not named is not seen. What the API says of consumers is some seconds old: before a queue \
            is called unread or orphaned, it is counted over AMQP.

            What would be declared is decided by the options of the URL, and by [oslo_messaging_rabbit] of --config-file. Give those \
            that the services have.

            Exit codes: 0 all is well; 1 there are warnings; 2 something fails, or could not be looked at; 3 nothing could be \
            checked, as there is no cell with a queue; 74 the report cannot be written. With --output nagios they are Nagios' OK, \
            WARNING, CRITICAL and UNKNOWN.
            """)

    @Flag(help: "Look at every cell of the directory.")
    var allCells = false
    @Option(help: "Look for this topic's exchange and queue; give it again for more.")
    var topic: [String] = []
    @Option(help: "Also look for this server's queue of the one --topic; give it again for more.")
    var server: [String] = []
    @Option(help: "The exchange of the topics. Nova's is nova.")
    var exchange = Topic.defaultExchange
    @Option(
        help: ArgumentHelp(
            "This topic is one of notifications; give it again for more. Those with 'notification' in their name are known.",
            valueName: "topic"))
    var notificationTopic: [String] = []
    @Option(
        parsing: .unconditional,
        help: .time("Look twice, with so long between, and tell how fast unread queues grow"))
    var growth: TimeSpan = 0
    @Option(
        help: ArgumentHelp(
            "How many replicas quorum queues and streams should have. Default: what a queue's arguments ask for; else 3, or all nodes of a "
                + "smaller cluster.", valueName: "number"))
    var replicas: Int?
    @Option(help: ArgumentHelp("How many queues a line names before it only counts them.", valueName: "number"))
    var names = 5
    @Option(parsing: .unconditional, help: .time("How long each answer may take"))
    var timeout: TimeSpan = 10
    @OptionGroup(title: "Thresholds") var thresholds: QueueAuditThresholds
    @OptionGroup var management: ManagementOptions
    @OptionGroup var aim: AimOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: CheckOutputOptions

    func validate() throws {
        if allCells, aim.namesQueue {
            throw ValidationError("--all-cells looks at every cell; leave out the option that names one queue.")
        }
        if !server.isEmpty, topic.count != 1 { throw ValidationError("--server needs one --topic.") }
        try growth.validate(as: "--growth", from: 0, to: .day)
        try timeout.validate(as: "--timeout")
        if let replicas, replicas < 1 { throw ValidationError("--replicas is a whole number over 0.") }
        if names < 0 { throw ValidationError("--names is a whole number of 0 or more.") }
        if (topic + server + notificationTopic).contains("") { throw ValidationError("A name is empty.") }
        if topic.isEmpty, management.choice == .none {
            throw ValidationError(
                "AMQP lists no queues: give --management-url or --management-port to see all, or name --topic.")
        }
    }

    func run() async throws {
        try await reportingFailures([:]) {
            let audit = QueueAudit(
                topics: topic.map { Topic($0, exchange: exchange) }, servers: server,
                notificationTopics: notificationTopic, growth: growth.duration, replicas: replicas, mostNames: names,
                timeout: timeout.duration, thresholds: thresholds.values, management: management.choice)
            let subjects = DoctorSubjects(aim: aim, doctor: audit)
            let report = CheckReport("queues", subjects: allCells ? await subjects.all() : [await subjects.one()])
            try output.finish(report)
        }
    }
}

/// From where on an audit's numbers are warnings and failures.
struct QueueAuditThresholds: ParsableArguments {
    /// The thresholds as values.
    struct Values: Sendable {
        var unread = CheckThresholds(.above, warning: 0, critical: 10_000)
        var growth = CheckThresholds.none
        var orphaned = CheckThresholds(.above, warning: 100, critical: 1000)
    }

    @Option(
        help: ArgumentHelp("More messages in a notification queue without a reader are a warning.", valueName: "number")
    )
    var warnUnread = 0
    @Option(
        help: ArgumentHelp("More messages in a notification queue without a reader are a failure.", valueName: "number")
    )
    var failUnread = 10_000
    @Option(
        help: ArgumentHelp("A faster growth of such a queue is a warning, in messages a second.", valueName: "rate"))
    var warnGrowth: Double?
    @Option(
        help: ArgumentHelp("A faster growth of such a queue is a failure, in messages a second.", valueName: "rate"))
    var failGrowth: Double?
    @Option(
        help: ArgumentHelp(
            "More orphaned reply queues, or fanout queues, that will expire are a warning; those that won't always are one.",
            valueName: "number"))
    var warnOrphaned = 100
    @Option(help: ArgumentHelp("More such queues are a failure.", valueName: "number"))
    var failOrphaned = 1000

    func validate() throws {
        let numbers = [Double(warnUnread), Double(failUnread), Double(warnOrphaned), Double(failOrphaned)]
        if !(numbers + [warnGrowth, failGrowth].compactMap(\.self)).allSatisfy({ $0 >= 0 && $0 < 1e12 }) {
            throw ValidationError("Thresholds are numbers of 0 or more.")
        }
    }

    var values: Values {
        Values(
            unread: .init(.above, warning: Double(warnUnread), critical: Double(failUnread)),
            growth: .init(.above, warning: warnGrowth, critical: failGrowth),
            orphaned: .init(.above, warning: Double(warnOrphaned), critical: Double(failOrphaned)))
    }
}
