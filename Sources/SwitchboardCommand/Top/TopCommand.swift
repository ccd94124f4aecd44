import ArgumentParser
import StandardStreams
import SwitchboardCore
import SwitchboardMessaging
import UnixSignals

extension TopReport.Grouping: ExpressibleByArgument {}
extension TopReport.Order: ExpressibleByArgument {}

struct TopCommand: ConfiguredCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Shows what goes on now: calls a second, how long they take, what fails, what waits.",
        discussion: """
            A table that is drawn again every other second, as large as the terminal: per cell, topic and method the calls and other \
            messages a second, the time that 50, 95 and 99 % of the calls took at most, calls in flight, and errors by class; below, the \
            queues with what waits in them, their consumers, and how many messages were delivered once more. All of it over the last \
            the time of --window. Control-C ends it.

            For example:

              switchboard top --cell one
              switchboard top --all-cells --by cell --sort errors
              switchboard top --cell one --topic compute --once --for 30 --json

            Times, errors, what is in flight and redeliveries need the firehose; without it only rates and backlogs are shown; the rest is - in the table and null in JSON.

            \(TapHelp.seeing)

            Where standard output isn't a terminal, a table comes every --interval; with --json an object a line.

            Exit codes: 0 it ended as asked; 2 there is no such exchange; 3 there is no such cell, or it has no queue; 5 the queue can't \
            be tapped; 255 the directory can't be used.
            """)

    @Flag(help: "Look for the time of --for (10 seconds by default), print one table or object, and end.")
    var once = false
    @Option(name: .customLong("for"), parsing: .unconditional, help: .time("End after so long"))
    var time: TimeSpan?
    @Option(parsing: .unconditional, help: .time("From a table to the next"))
    var interval: TimeSpan = 2
    @Option(parsing: .unconditional, help: .time("How far is looked back", "In whole seconds."))
    var window: TimeSpan = 10
    @Option(help: "What a row is: a method, a topic or a cell.")
    var by = TopReport.Grouping.method
    @Option(
        help:
            "Which rows come first: those with the most calls, the longest latency, the most errors, or the most in flight."
    )
    var sort = TopReport.Order.calls
    @OptionGroup var tap: TapOptions
    @OptionGroup var output: OutputOptions

    var configurationOptions: ConfigurationOptions { tap.aim.directory.configuration }

    func validate() throws {
        try time?.validate(as: "--for", to: .day)
        try interval.validate(as: "--interval", from: .init(argument: "100ms")!, to: 3600)
        try window.validate(as: "--window", from: 1, to: 3600)
    }

    func run() async throws {
        #if RabbitMQ
            try await reportingMessageFailures { try await runTop() }
        #else
            throw ValidationError("Build this program with the trait RabbitMQ: only RabbitMQ can be tapped.")
        #endif
    }

    #if RabbitMQ
        private func runTop() async throws {
            let (targets, remarks) = try await tap.targets()
            for remark in remarks { complain("warning: \(remark)") }
            var wishes = tap.wishes
            wishes.followsDeliveries = true
            let run = try TapRun(tap, wishes, targets)
            let limit = once ? time ?? 10 : time
            let seconds = Int((once ? limit ?? 10 : window).seconds.rounded(.up))
            let collector = TopCollector(
                topics: tap.topicPatterns, knownTopics: wishes.topics,
                window: once ? seconds + 1 : seconds)
            let screen = once || output.json ? nil : TerminalScreen()
            screen?.begin()
            defer { screen?.end() }
            do {
                _ = try await untilStopped(after: limit?.duration) {
                    try await look(run, targets, collector, screen)
                }
            } catch is CancellationError {}
            guard once else { return }
            for target in targets { await sample(target, collector) }
            try await show(collector, nil)
        }

        /// Looks at what waits in a target's queues now.
        private func sample(_ target: TapOptions.Target, _ collector: TopCollector) async {
            let sampler = BacklogSampler(url: target.url, timeout: tap.timeout.duration)
            await collector.set(sampler.backlogs(of: collector.queues(of: target.name)), of: target.name)
        }

        private func look(
            _ run: TapRun, _ targets: [TapOptions.Target], _ collector: TopCollector, _ screen: TerminalScreen?
        ) async throws {
            let showsCell = tap.allCells
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await run.run { event, target in
                        await collector.take(event, from: target.name, cell: showsCell ? target.cell : nil)
                    }
                }
                if !once {
                    for target in targets {
                        group.addTask {
                            while true {
                                try await Task.sleep(for: .seconds(1))
                                await sample(target, collector)
                                try await Task.sleep(for: .seconds(4))
                            }
                        }
                    }
                    group.addTask {
                        while true {
                            try await Task.sleep(for: interval.duration)
                            try await show(collector, screen)
                        }
                    }
                }
                if let screen {
                    group.addTask {
                        // A terminal that has another size is drawn at once.
                        for await _ in await UnixSignalsSequence(trapping: .sigwinch) {
                            try await show(collector, screen)
                        }
                        throw CancellationError()
                    }
                }
                defer { group.cancelAll() }
                try await group.next()
            }
        }

        private func show(_ collector: TopCollector, _ screen: TerminalScreen?) async throws {
            let report = await collector.report(grouping: by, order: sort)
            if output.json {
                try StandardOutput.json(.object(report.object))
            } else if let screen, screen.isTerminal {
                try screen.draw(report.lines())
            } else {
                for line in report.lines() { try StandardOutput.line(line) }
                if !once { try StandardOutput.line("") }
            }
            try StandardOutput.flush()
        }
    #endif
}
