import ArgumentParser
import SwitchboardCells
import SwitchboardCore

/// Which bus is tapped, and how. The same for all commands that tap.
struct TapOptions: ParsableArguments {
    enum FirehoseUse: String, ExpressibleByArgument, CaseIterable {
        case on
    }

    @Option(
        name: .customLong("topic"),
        help: "Only this topic; * stands for any text, ? for one character. Give it again for more. Default: all.")
    var topics: [String] = []
    @Option(
        name: .customLong("exchange"),
        help: ArgumentHelp(
            "An exchange to tap: the services' control_exchange. Give it again for more. Default: those of OpenStack's services "
                + "that are there; with --management-url all.", valueName: "name"))
    var exchanges: [String] = []
    @Option(
        help: ArgumentHelp(
            "How replies are seen: firehose (everything comes from it; an error where it is off), bindings (to exchanges of reply "
                + "queues, before oslo.messaging 10.0), none, or auto: the firehose where it is on.", valueName: "how"))
    var replies = TapWishes.Replies.auto
    @Option(
        help: ArgumentHelp(
            "on: turn the firehose on while the command runs. Needs --management-url and --yes.", valueName: "on"))
    var firehose: FirehoseUse?
    @Flag(help: "Agree to --firehose on.")
    var yes = false
    @Option(
        name: .customLong("management-url"),
        help: ArgumentHelp("RabbitMQ's management API: http://HOST:15672 or https://HOST:15671.", valueName: "url"))
    var managementURL: String?
    @Option(parsing: .unconditional, help: .time("How long each step at the broker may take"))
    var timeout: TimeSpan = 10
    @Flag(help: "Tap every cell of the directory.")
    var allCells = false
    @OptionGroup var aim: AimOptions

    func validate() throws {
        if allCells, aim.namesQueue {
            throw ValidationError("--all-cells taps every cell; leave out the option that names one queue.")
        }
        try timeout.validate(as: "--timeout", to: 3600)
        if let managementURL, ManagementAddress(managementURL) == nil {
            throw ValidationError("--management-url is http://HOST:PORT or https://HOST:PORT.")
        }
        if firehose != nil {
            if managementURL == nil {
                throw ValidationError("--firehose on needs --management-url: AMQP can't turn the firehose on.")
            }
            if allCells { throw ValidationError("--firehose on is for one virtual host; leave out --all-cells.") }
            if replies == .none || replies == .bindings {
                throw ValidationError("--firehose on and --replies \(replies.rawValue) contradict each other.")
            }
            if !yes {
                throw ValidationError(
                    "--firehose on changes the broker: all messages of the virtual host are copied until the command ends. "
                        + "Agree by --yes.")
            }
        }
        for pattern in topics { _ = try Self.pattern(pattern, "--topic") }
        for exchange in exchanges where exchange.isEmpty || exchange.utf8.count > 255 {
            throw ValidationError("--exchange is a name of 1 to 255 bytes.")
        }
    }

    static func pattern(_ text: String, _ option: String) throws -> GlobPattern {
        guard let pattern = GlobPattern(text) else {
            throw ValidationError("\(option) is a pattern of 1 to \(GlobPattern.longest) bytes.")
        }
        return pattern
    }

    var topicPatterns: [GlobPattern] { topics.compactMap { GlobPattern($0) } }

    var wishes: TapWishes {
        var wishes = TapWishes()
        wishes.exchanges = exchanges
        // A pattern can't be bound: all is seen, and filtered here.
        if topicPatterns.allSatisfy(\.isLiteral) { wishes.topics = topics }
        wishes.replies = firehose == nil ? replies : .firehose
        wishes.timeout = timeout.duration
        return wishes
    }

    /// A queue that is tapped; `cell` where it is a cell's.
    struct Target: Sendable {
        var cell: String?
        var url: TransportURL
        var name: String
    }

    /// What is tapped, and sentences about cells that are not.
    func targets() async throws -> (targets: [Target], remarks: [String]) {
        guard allCells else {
            let cell = try await aim.mapping()
            let (url, name) = try await aim.resolve()
            return ([Target(cell: cell.map { $0.name ?? $0.id.description }, url: url, name: name)], [])
        }
        let listing = try await aim.directory.open(forWriting: false).cells()
        var targets: [Target] = []
        var remarks = listing.defects.map(\.message)
        for cell in listing.cells where !cell.isDisabled || aim.includeDisabled {
            do {
                guard case .url(let url) = try cell.queue(base: aim.base.urls) else { continue }
                targets.append(
                    Target(cell: cell.name ?? cell.id.description, url: url, name: "cell \(cell.identity)"))
            } catch {
                remarks.append("The cell \(cell.identity) can't be tapped: \(error)")
            }
        }
        return (targets, remarks)
    }
}
