import ArgumentParser
import SwitchboardCells
import SwitchboardCore

struct DoctorCommand: ConfiguredCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Finds out what is wrong with a message queue, from the mapping to a served call.",
        discussion: """
            Looks at one thing after the other: the cell's mapping and URL, name resolution, TCP, TLS, login, virtual host, the \
            broker's version, alarms, permissions; with --topic also its exchanges, queues, consumers, backlog and servers; then \
            a message through the queue. The first line that fails names the cause: what comes after it cannot work and is \
            skipped. Each line that fails or warns says what it means and what to do.

            For example: switchboard doctor --cell one --topic compute --server host1 --exchange nova

            It changes nothing that others see: what it declares has random names and goes within a minute. It never takes a message \
            from a queue. Queues and exchanges are held against what the options of the URL, or of --config-file, would declare.

            What AMQP doesn't tell comes from RabbitMQ's management API with --management-url: deprecated features in use, \
            unacknowledged messages, the backlog's age, the broker's clock. It is asked with the URL's user unless \
            SWITCHBOARD_MANAGEMENT_USER and SWITCHBOARD_MANAGEMENT_PASSWORD name another one.

            Exit codes: 0 all is well; 1 there are warnings; 2 something fails; 3 nothing could be checked, as there is no cell \
            with a queue; 74 the report cannot be written. With --output nagios they are Nagios' OK, WARNING, CRITICAL and UNKNOWN.
            """)

    @Flag(help: "Look at every cell of the directory.")
    var allCells = false
    @Option(
        help: ArgumentHelp(
            "How many processes share a server's name, as workers of nova-conductor do: as many consumers are expected.",
            valueName: "number"))
    var workers = 1
    @Option(
        name: .customLong("management-url"),
        help: ArgumentHelp("RabbitMQ's management API: http://HOST:15672 or https://HOST:15671.", valueName: "url"))
    var managementURL: String?
    @OptionGroup var probe: Probe
    @OptionGroup(title: "Thresholds") var thresholds: DoctorThresholds
    @OptionGroup var aim: AimOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: CheckOutputOptions

    func validate() throws {
        if allCells, aim.namesQueue {
            throw ValidationError("--all-cells looks at every cell; leave out the option that names one queue.")
        }
        if workers < 1 { throw ValidationError("--workers is a whole number over 0.") }
        if let managementURL, ManagementAddress(managementURL) == nil {
            throw ValidationError("--management-url is http://HOST:PORT or https://HOST:PORT.")
        }
    }

    func run() async throws {
        try await reportingFailures([:]) {
            let doctor = Doctor(
                target: .init(
                    topic: probe.topic.map { Topic($0, exchange: probe.exchange) }, server: probe.server,
                    workers: workers),
                timeout: probe.timeout, thresholds: thresholds.values,
                management: managementURL.flatMap { ManagementAddress($0) })
            let subjects = DoctorSubjects(aim: aim, doctor: doctor)
            let report = CheckReport("doctor", subjects: allCells ? await subjects.all() : [await subjects.one()])
            try output.finish(report)
        }
    }
}

/// From where on the doctor's numbers are warnings and failures.
struct DoctorThresholds: ParsableArguments {
    /// The thresholds as values.
    struct Values: Sendable {
        var roundTrip = CheckThresholds(.above, warning: 1, critical: 5)
        var certificate = CheckThresholds(.below, warning: 30 * 86_400, critical: 7 * 86_400)
        var backlog = CheckThresholds(.above, warning: 100, critical: 1000)
        var backlogAge = CheckThresholds(.above, warning: 60, critical: 600)
        var clockSkew = CheckThresholds(.above, warning: 5, critical: 60)
    }

    @Option(help: ArgumentHelp("A round trip that takes longer is a warning, in milliseconds.", valueName: "ms"))
    var warnRoundTrip = 1000.0
    @Option(help: ArgumentHelp("A round trip that takes longer is a failure.", valueName: "ms"))
    var failRoundTrip = 5000.0
    @Option(help: ArgumentHelp("A certificate that is valid for fewer days is a warning.", valueName: "days"))
    var warnCertificate = 30.0
    @Option(help: ArgumentHelp("A certificate that is valid for fewer days is a failure.", valueName: "days"))
    var failCertificate = 7.0
    @Option(help: ArgumentHelp("More messages in a queue are a warning.", valueName: "number"))
    var warnBacklog = 100
    @Option(help: ArgumentHelp("More messages in a queue are a failure.", valueName: "number"))
    var failBacklog = 1000
    @Option(
        help: ArgumentHelp("An older message at a queue's head is a warning, where its age is known.", valueName: "s"))
    var warnBacklogAge = 60.0
    @Option(help: ArgumentHelp("An older message at a queue's head is a failure.", valueName: "s"))
    var failBacklogAge = 600.0
    @Option(help: ArgumentHelp("Clocks that are further apart are a warning.", valueName: "s"))
    var warnClockSkew = 5.0
    @Option(help: ArgumentHelp("Clocks that are further apart are a failure.", valueName: "s"))
    var failClockSkew = 60.0

    func validate() throws {
        let numbers = [
            warnRoundTrip, failRoundTrip, warnCertificate, failCertificate, Double(warnBacklog), Double(failBacklog),
            warnBacklogAge, failBacklogAge, warnClockSkew, failClockSkew,
        ]
        if !numbers.allSatisfy({ $0 >= 0 && $0 < 1e12 }) {
            throw ValidationError("Thresholds are numbers of 0 or more.")
        }
    }

    var values: Values {
        Values(
            roundTrip: .init(.above, warning: warnRoundTrip / 1000, critical: failRoundTrip / 1000),
            certificate: .init(.below, warning: warnCertificate * 86_400, critical: failCertificate * 86_400),
            backlog: .init(.above, warning: Double(warnBacklog), critical: Double(failBacklog)),
            backlogAge: .init(.above, warning: warnBacklogAge, critical: failBacklogAge),
            clockSkew: .init(.above, warning: warnClockSkew, critical: failClockSkew))
    }
}
