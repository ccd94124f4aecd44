import ArgumentParser
import StandardStreams
import SwitchboardCore

struct TapCommand: ConfiguredCommand {
    static let configuration = CommandConfiguration(
        commandName: "tap",
        abstract: "Shows what passes through a topic, a cell or a virtual host, without taking anything.",
        discussion: """
            A line a call, with its answer: time of day (UTC), topic and server, method, how long it took or the error's class, sizes, \
            request id, the caller's reply queue, and the names of arguments. Casts, fanouts and notifications have a line each.

            For example:

              switchboard tap --cell one
              switchboard tap --cell one --topic compute --server 'host1*' --slower-than 500
              switchboard tap --cell one --failures --for 60 --json
              switchboard tap --cell one --request-id req-9d2c… --values

            Values of arguments and results are shown with --values only; passwords, tokens and keys in them are masked: by their \
            names, in URLs, and in whatever --redact names. Look at what you show to others all the same.

            \(TapHelp.seeing)

            Calls that wait are at most 100,000 (10,000 with --values); of more the oldest are forgotten, and counted on standard error at the end.

            Exit codes: 0 it ended as asked: by --for, --count, Control-C or SIGTERM; 2 there is no such exchange; 3 there is no such cell, \
            or it has no queue; 4 with --for and --count: fewer came in that time; 5 the queue can't be tapped; 255 the directory can't \
            be used.
            """)

    @Option(
        name: .customLong("method"),
        help: "Only this method or event type; * stands for any text. Give it again for more.")
    var methods: [String] = []
    @Option(name: .customLong("server"), help: "Only requests to this server of a topic; with * and ? as well.")
    var servers: [String] = []
    @Option(
        name: .customLong("request-id"), help: "Only what was done for this request of a user; with * and ? as well.")
    var requestIDs: [String] = []
    @Option(help: ArgumentHelp("Only calls that took longer, in milliseconds.", valueName: "ms"))
    var slowerThan: Double?
    @Flag(help: "Only what went wrong: errors, calls without an answer in time, late and duplicate answers.")
    var failures = false
    @Flag(help: "Show arguments and results, with secrets masked.")
    var values = false
    @Option(
        name: .customLong("redact"),
        help: ArgumentHelp("Mask values of this name too. Give it again for more.", valueName: "name"))
    var redacted: [String] = []
    @Option(help: "End after so many lines.")
    var count: Int?
    @Option(name: .customLong("for"), parsing: .unconditional, help: .time("End after so long"))
    var time: TimeSpan?
    @OptionGroup var tap: TapOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if let count, count < 1 { throw ValidationError("--count is at least 1.") }
        try time?.validate(as: "--for")
        if let slowerThan, !(slowerThan >= 0 && slowerThan < 1e12) {
            throw ValidationError("--slower-than is a number of milliseconds from 0 on.")
        }
        for (option, patterns) in [("--method", methods), ("--server", servers), ("--request-id", requestIDs)] {
            for pattern in patterns { _ = try TapOptions.pattern(pattern, option) }
        }
    }

    private var filter: TapFilter {
        TapFilter(
            topics: tap.topicPatterns, methods: methods.compactMap { GlobPattern($0) },
            servers: servers.compactMap { GlobPattern($0) }, requestIDs: requestIDs.compactMap { GlobPattern($0) },
            slowerThan: slowerThan.map { .milliseconds($0) }, failuresOnly: failures)
    }

    func run() async throws {
        #if RabbitMQ
            try await reportingMessageFailures { try await runTap() }
        #else
            throw ValidationError("Build this program with the trait RabbitMQ: only RabbitMQ can be tapped.")
        #endif
    }

    #if RabbitMQ
        private func runTap() async throws {
            let (targets, remarks) = try await tap.targets()
            for remark in remarks { complain("warning: \(remark)") }
            let run = try TapRun(tap, tap.wishes, targets)
            var limits = CallJoiner.Limits()
            // Values take memory.
            if values { limits.pending = 10_000 }
            let printer = TapPrinter(
                filter: filter, topics: tap.wishes.topics, showsValues: values, redaction: TapRedaction(redacted),
                printsJSON: output.json, count: count,
                limits: limits)
            let cells = Dictionary(
                targets.compactMap { target in target.cell.map { (target.name, $0) } },
                uniquingKeysWith: { first, _ in first })
            let shownCells = tap.allCells ? cells : [:]
            do {
                let ending = try await untilStopped(after: time?.duration) {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask {
                            while true {
                                try await Task.sleep(for: .milliseconds(250))
                                try await printer.tick(.now, cells: shownCells)
                            }
                        }
                        group.addTask {
                            try await run.run { event, target in
                                try await printer.take(event, from: target.name, cell: shownCells[target.name])
                            }
                        }
                        defer { group.cancelAll() }
                        try await group.next()
                    }
                }
                // A reader that has stopped reading doesn't keep the command from ending.
                if ending == .signal { StandardOutput.limitWaiting(to: .seconds(2)) }
                try await printer.end(cells: shownCells)
            } catch is CancellationError {
                try await printer.end(cells: shownCells)
            } catch is TapPrinter.Enough {}
            let missed = await printer.missed
            if missed > 0 { complain("\(missed) messages or calls are missing: there were too many at once") }
            if let count, time != nil, await printer.printed < count {
                throw Failure("Only \(await printer.printed) of \(count) came in that time.", exit: MessageExit.timeout)
            }
        }
    #endif
}
