import ArgumentParser
import StandardStreams
import SwitchboardCore
import SwitchboardMessaging
import UnixSignals

#if RabbitMQ
    import SwitchboardRabbitMQ
#endif

extension TopReport.Grouping: ExpressibleByArgument {}
extension TopReport.Order: ExpressibleByArgument {}

struct TopCommand: ConfiguredCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Shows what goes on now: calls a second, how long they take, what fails, what waits.",
        discussion: """
            A table that is drawn again every other second, as large as the terminal: per cell, topic and method the calls and other \
            messages a second, the time that 50, 95 and 99 % of the calls took at most, calls in flight, and errors by class; below, the \
            queues with what waits in them, their consumers, and how many messages were delivered once more. All of it over \
            the time of --window. Control-C ends it.

            For example:

              switchboard top --cell one
              switchboard top --all-cells --by cell --sort errors
              switchboard top --cell one --topic compute --once --for 30 --json
              switchboard top --sweep --by cell --sort latency

            Times, errors, what is in flight and redeliveries need the firehose; without it only rates and backlogs are shown, and \
            the rest is - in the table and null in JSON.

            With --sweep nothing is tapped: every mapped host is asked for a sign of life, as 'switchboard watch' does it, and the \
            calls are those. Times and errors (deaf, absent, unreachable, as that command's help explains them) need no firehose \
            then, and what waits is shown of the hosts that are deaf. Redeliveries aren't seen. Give --cell for one cell; --topic and \
            --exchange are compute and nova unless they say otherwise.

            \(TapHelp.seeing)

            Where standard output isn't a terminal, a table comes every --interval; with --json an object a line.

            Exit codes: 0 it ended as asked; 2 there is no such exchange; 3 there is no such cell, it has no queue, or with --sweep no host is mapped; 5 the queue can't \
            be tapped; 255 the directory can't be used.
            """)

    @Flag(
        help:
            "Look for the time of --for (10 seconds by default, with --sweep one sweep), print one table or object, and end."
    )
    var once = false
    @Flag(help: "Ask the mapped hosts for a sign of life, and show how that goes, rather than tap what passes.")
    var sweep = false
    @Option(parsing: .unconditional, help: .time("From a sweep's beginning to the next", "Default: 30."))
    var every: TimeSpan?
    @Option(name: .customLong("for"), parsing: .unconditional, help: .time("End after so long"))
    var time: TimeSpan?
    @Option(parsing: .unconditional, help: .time("From a table to the next"))
    var interval: TimeSpan = 2
    @Option(
        parsing: .unconditional,
        help: .time("How far is looked back", "In whole seconds. Default: 10, with --sweep that of two sweeps."))
    var window: TimeSpan?
    @Option(help: "What a row is: a method, a topic or a cell.")
    var by = TopReport.Grouping.method
    @Option(
        help:
            "Which rows come first: those with the most calls, the longest latency, the most errors, or the most in flight."
    )
    var sort = TopReport.Order.calls
    @OptionGroup var tap: TapOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        try time?.validate(as: "--for", to: .day)
        try interval.validate(as: "--interval", from: .init(argument: "100ms")!, to: 3600)
        try window?.validate(as: "--window", from: 1, to: 3600)
        try every?.validate(as: "--every", from: 1, to: .day)
        if sweep {
            try TopSweep.validate(tap)
        } else if every != nil {
            throw ValidationError("--every is for sweeps: give --sweep as well.")
        }
    }

    func run() async throws {
        try await reportingMessageFailures { try await sweep ? runSweep() : runTap() }
    }

    private func runSweep() async throws {
        let interval = every ?? 30
        let sweep = try await TopSweep(tap, every: interval.duration, count: once && time == nil ? 1 : nil)
        // Two sweeps, as of the last some hosts weren't asked yet.
        let window = once ? wholeSeconds(time ?? 3600) : window.map(wholeSeconds) ?? wholeSeconds(interval) * 2
        let collector = TopCollector(sweeping: sweep.topic, window: window + 1)
        let showsCells = !tap.aim.namesQueue
        try await look(collector, for: time) { try await sweep.run(showingCells: showsCells, collector) }
    }

    private func wholeSeconds(_ span: TimeSpan) -> Int { Int(span.seconds.rounded(.up)) }

    private func runTap() async throws {
        #if RabbitMQ
            let (targets, remarks) = try await tap.targets()
            for remark in remarks { complain("warning: \(remark)") }
            var wishes = tap.wishes
            wishes.followsDeliveries = true
            let run = try TapRun(tap, wishes, targets)
            let limit = once ? time ?? 10 : time
            let collector = TopCollector(
                topics: tap.topicPatterns, knownTopics: wishes.topics,
                window: once ? wholeSeconds(limit ?? 10) + 1 : wholeSeconds(window ?? 10))
            let showsCells = tap.allCells
            try await look(collector, for: limit) {
                try await run.run { event, target in
                    await collector.take(
                        event, from: .init(name: target.name, cell: showsCells ? target.cell : nil, url: target.url))
                }
            }
        #else
            throw ValidationError(
                "Build this program with the trait RabbitMQ: only RabbitMQ can be tapped. --sweep works without it.")
        #endif
    }

    /// Shows what the collector has while `source` runs, at most for `limit`; with ``once`` when it has ended.
    private func look(
        _ collector: TopCollector, for limit: TimeSpan?, _ source: @escaping @Sendable () async throws -> Void
    ) async throws {
        let screen = once || output.json ? nil : TerminalScreen()
        screen?.begin()
        defer { screen?.end() }
        do {
            _ = try await untilStopped(after: limit?.duration) { try await look(collector, screen, source) }
        } catch is CancellationError {}
        guard once else { return }
        await sampleBacklogs(collector)
        try await show(collector, nil)
    }

    private func look(
        _ collector: TopCollector, _ screen: TerminalScreen?, _ source: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await source() }
            if !once {
                group.addTask { await keepSampling(collector) }
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

    /// Looks at what waits in the queues every few seconds, until the task is cancelled. A broker that doesn't answer holds up
    /// no other.
    private func keepSampling(_ collector: TopCollector) async {
        let underWay = Locked<Set<String>>([])
        await withDiscardingTaskGroup { group in
            var pause = Duration.seconds(1)
            while (try? await Task.sleep(for: pause)) != nil {
                pause = .seconds(5)
                for source in await collector.sources where underWay.withLock({ $0.insert(source.name).inserted }) {
                    group.addTask {
                        await sample(source, collector)
                        underWay.withLock { _ = $0.remove(source.name) }
                    }
                }
            }
            group.cancelAll()
        }
    }

    private func sampleBacklogs(_ collector: TopCollector) async {
        await withDiscardingTaskGroup { group in
            for source in await collector.sources { group.addTask { await sample(source, collector) } }
        }
    }

    /// Looks at what waits in a source's queues now.
    private func sample(_ source: TopCollector.Source, _ collector: TopCollector) async {
        #if RabbitMQ
            guard let url = source.url, RabbitMQTopology.schemes.contains(url.scheme) else { return }
            let sampler = BacklogSampler(url: url, timeout: tap.timeout.duration)
            await collector.set(sampler.backlogs(of: collector.queues(of: source.name)), of: source.name)
        #endif
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
}
