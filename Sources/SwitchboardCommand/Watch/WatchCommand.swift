import ArgumentParser
import Foundation
import ServiceLifecycle
import StandardStreams
import SwitchboardCells
import SwitchboardCore
import UnixSignals

struct WatchCommand: ConfiguredCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Asks the hosts of all cells for a sign of life, again and again, and tells what changes.",
        discussion: """
            Every mapped host is called through its cell's queue, as a service would call it, and is then one of these:

              answering    it answered
              no ping      it answered that it has no such method: it is alive (its rpc_ping_enabled is off)
              slow         it answered, later than --slow
              deaf         its queue is there, and no answer came within --timeout: it hangs, is stopped, or its replies get lost
              absent       nobody listens: the broker returned the request at once
              unreachable  its cell's queue can't be used, which says nothing of the host
              unknown      not asked yet, or not certain yet

            What one sweep can't make certain (deaf, slow, a cell that doesn't answer) is told when the next one finds it again. \
            Mappings are read before each sweep, so new hosts, cells and URLs are followed. A cell's trouble costs that cell alone.

            It has one message queue connection a cell (two to RabbitMQ), and spreads a cell's requests over half of --every, --rate \
            of them at a time: a broker has half the work with them that it has with one at a time, and each answer comes some \
            milliseconds later. A connection serves two sweeps and is then opened anew, as brokers look at passwords and permissions \
            only then. What it declares goes within a minute of its end, but for an exchange that wasn't there.

            On a terminal the output is a table that follows the terminal's size; else a line for each change and each sweep. \
            --output json gives the same as JSON, one object a line with the member event: host, mapped, unmapped, \
            cell_unreachable, cell_reachable, directory_failed, directory_readable, or sweep with the number of hosts in each state. \
            --listen serves metrics for Prometheus at /metrics, --outfile writes them after each sweep; both work with every \
            output. --output prometheus prints nothing where one of them is given.

            For example: switchboard watch --every 30s --listen 127.0.0.1:9199

            It ends with Ctrl-C, SIGTERM, or after --count sweeps. Exit codes: 0 it ended so, whatever it found ('switchboard check \
            hosts' has an exit code for that); 3 there is no such cell; 74 the output can't be written, or metrics can't be served; \
            255 the directory can't be used.
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text, table, json, prometheus
    }

    @Option(parsing: .unconditional, help: .time("From a sweep's beginning to the next"))
    var every: TimeSpan = 60
    @Option(help: ArgumentHelp("End after so many sweeps.", valueName: "number"))
    var count: Int?
    @Option(
        help: ArgumentHelp(
            "What is printed: text (a line for each change and sweep), table (drawn again and again), json, or prometheus. "
                + "Default: table on a terminal, else text.", valueName: "format"))
    var output: Format?
    @Flag(help: "Print JSON instead of text.")
    var json = false
    @Option(
        help: ArgumentHelp(
            "Serve metrics over HTTP at /metrics on this loopback address, as 127.0.0.1:9199; a proxy or --outfile brings them elsewhere. Port 0 takes a free one, "
                + "which standard error tells.", valueName: "address"))
    var listen: String?
    @Option(
        help: ArgumentHelp(
            "Write metrics to this file after each sweep. It is replaced in one step, so nobody reads half of it.",
            valueName: "path"))
    var outfile: String?
    @OptionGroup var sweep: SweepOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions

    func validate() throws {
        if let count, count < 1 { throw ValidationError("--count is at least 1.") }
        if json, let output, output != .json {
            throw ValidationError("--json and --output \(output.rawValue) are two outputs: leave one out.")
        }
        try every.validate(as: "--every")
        if let listen {
            guard ListenAddress(listen) != nil else {
                throw ValidationError(
                    "--listen is a loopback address with a port up to 65535, as 127.0.0.1:9199 or [::1]:9199.")
            }
            #if !RabbitMQ
                throw ValidationError(
                    "--listen needs a program that was built with the trait RabbitMQ; --outfile doesn't.")
            #endif
        }
    }

    private var format: Format {
        output ?? (json ? .json : isatty(STDOUT_FILENO) == 1 ? .table : .text)
    }

    func run() async throws {
        try await reportingMessageFailures {
            let board = WatchBoard()
            let base: any WatchOutput =
                switch format {
                case .text: WatchLines(asJSON: false)
                case .json: WatchLines(asJSON: true)
                case .table: WatchScreen(board: board)
                case .prometheus: WatchMetricsOutput(board: board, isPrinted: listen == nil && outfile == nil)
                }
            let connections = try sweep.connections()
            let watch = HostWatch(
                directory: try await sweep.directory.open(forWriting: false), only: sweep.cell,
                includesDisabled: sweep.includeDisabled,
                sweep: HostSweep(configuration: sweep.configuration(asksTwice: false), connections: connections),
                board: board, interval: every.duration, count: count, now: { Date.now.timeIntervalSince1970 })
            let serving = try await serveMetrics(of: board)
            try await Self.run(
                watch, showing: base, file: outfile,
                beside: [{ await connections.run() }] + [serving].compactMap(\.self))
        }
    }

    /// What serves the metrics, where they are to be served.
    private func serveMetrics(of board: WatchBoard) async throws -> (@Sendable () async throws -> Void)? {
        #if RabbitMQ
            guard let address = listen.flatMap({ ListenAddress($0) }) else { return nil }
            let server = try await MetricsServer(address) { board.current.metrics }
            complain("metrics are at http://\(server.address)/metrics")
            return { await server.run() }
        #else
            return nil
        #endif
    }

    /// Runs until the watch has ended, or a signal ends it.
    private static func run(
        _ watch: HostWatch, showing output: some WatchOutput, file: String?,
        beside parts: [@Sendable () async throws -> Void]
    ) async throws {
        let service = WatchService { [file] in
            if let file {
                try await show(
                    watch, on: WatchMetricsFile(base: output, board: watch.board, path: file), beside: parts)
            } else {
                try await show(watch, on: output, beside: parts)
            }
        }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: service, successTerminationBehavior: .gracefullyShutdownGroup)],
                gracefulShutdownSignals: [.sigint, .sigterm], logger: messageLogger()))
        try await group.run()
    }

    private static func show(
        _ watch: HostWatch, on output: some WatchOutput, beside parts: [@Sendable () async throws -> Void]
    ) async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for part in parts {
                group.addTask {
                    try await part()
                    return false
                }
            }
            group.addTask {
                try await output.run()
                return false
            }
            group.addTask {
                try await watch.run(showing: output)
                return true
            }
            while let isEnd = try await group.next(), !isEnd {}
            group.cancelAll()
            // What the output prints at its end may fail as well.
            while try await group.next() != nil {}
        }
    }
}

/// Work that a graceful shutdown cancels, which is no failure.
private struct WatchService: Service {
    let work: @Sendable () async throws -> Void

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            do { try await work() } catch is CancellationError {}
        }
    }
}
