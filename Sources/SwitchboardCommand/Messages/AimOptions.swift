import ArgumentParser
import Foundation
import Logging
import ServiceLifecycle
import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging

/// Which message queue a command uses: that of an instance's cell, a host's, a cell's, or one named by its URL.
struct AimOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Use the queue of the cell that this instance is in.", valueName: "uuid"))
    var instance: String?
    @Option(name: .customLong("in-cell-of-host"), help: ArgumentHelp("Use the queue of the cell that this host is in."))
    var host: String?
    @Option(help: "Use the queue of this cell: its UUID or name.")
    var cell: String?
    @Option(
        name: [.customLong("transport-url"), .customLong("transport_url")],
        help: ArgumentHelp(
            "Use this queue; - to read the URL from standard input. Default, when no cell is asked for: "
                + "--base-transport-url.", valueName: "url"))
    var transportURL: String?
    @Flag(help: "Use the queue of a disabled cell as well.")
    var includeDisabled = false
    @OptionGroup var base: BaseOptions
    @OptionGroup var directory: DirectoryOptions

    /// Whether one queue was asked for.
    var namesQueue: Bool { [instance, host, cell, transportURL].contains { $0 != nil } }

    func validate() throws {
        if [instance, host, cell, transportURL].compactMap(\.self).count > 1 {
            throw ValidationError(
                "Only one of --instance, --in-cell-of-host, --cell and --transport-url can say which queue is used.")
        }
    }

    /// The queue's URL, and what messages to people call it.
    ///
    /// - Parameter own: which of the process's own queues is meant where none is asked for.
    func resolve(
        own: CommandSettings.Name = .transportURL
    ) async throws -> (url: TransportURL, name: String) {
        if let cell = try await mapping() {
            try checkEnabled(cell)
            switch try cell.queue(base: base.urls) {
            case .url(let url): return (url, "cell \(cell.identity)")
            case .none:
                throw Failure(
                    "The cell \(cell.identity) has no message queue (none://): nothing can be sent there.", exit: 3)
            }
        }
        if let transportURL {
            return (try TransportURL(transportURL == "-" ? StandardInput.url() : transportURL), "the queue")
        }
        guard let url = try base.transportURL(own) else {
            throw ValidationError(
                "Say which queue: --instance, --in-cell-of-host, --cell, --transport-url, SWITCHBOARD_TRANSPORT_URL, "
                    + "--profile, or --config-file with a transport_url.")
        }
        return (try TransportURL(url), "the process's own queue")
    }

    /// Fails for a disabled cell, unless such are wanted.
    func checkEnabled(_ cell: CellMapping) throws {
        guard cell.isDisabled, !includeDisabled else { return }
        throw Failure(
            "The cell \(cell.identity) is disabled. Give --include-disabled to use its queue all the same.",
            exit: MessageExit.noCell)
    }

    /// The cell that was asked for; `nil` when none was.
    func mapping() async throws -> CellMapping? {
        guard instance != nil || host != nil || cell != nil else { return nil }
        let cells = try await directory.open(forWriting: false)
        if let instance { return try await cells.cell(ofInstance: instance) }
        if let host { return try await cells.location(ofHost: host).cell }
        return try await findCell(cell ?? "", in: cells)
    }
}

/// A command that uses one message queue: it is connected while ``perform(on:)`` runs.
protocol QueueCommand: ConfiguredCommand {
    var aim: AimOptions { get }

    /// The queue where none is asked for.
    static var ownQueue: CommandSettings.Name { get }

    func perform(on connection: MessageQueueConnection) async throws
}

extension QueueCommand {
    static var ownQueue: CommandSettings.Name { .transportURL }

    func run() async throws {
        try await reportingMessageFailures {
            let (url, name) = try await aim.resolve(own: Self.ownQueue)
            let connection = try MessageQueueConnection(url, drivers: .all, name: name, logger: messageLogger())
            try await withRunning(connection) { try await perform(on: connection) }
        }
    }
}

/// What the library has to say goes to standard error; errors that a command reports itself are not said twice.
func messageLogger(_ level: Logger.Level = .critical) -> Logger {
    var logger = Logger(label: "switchboard") { CommandLogHandler(label: $0) }
    logger.logLevel = environment("SWITCHBOARD_LOG_LEVEL").flatMap(Logger.Level.init(rawValue:)) ?? level
    return logger
}
