import ArgumentParser
import StandardStreams
import SwitchboardCore
import SwitchboardMessaging
import UnixSignals

extension BenchServing.Kind: ExpressibleByArgument {}

struct BenchCommand: ConfiguredCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract:
            "Measures how fast a message queue is: rate, latency and processor time of calls, casts or notifications.",
        discussion: """
            Sends to a server of its own, in this process, on a topic of its own with a random name, and removes what it made. With \
            --topic it fails, and sends nothing, where a queue of that topic is there: others serve it.

            Without --rate or --ramp a request begins when another has ended, --concurrency at a time: that finds the most that the \
            queue can do. With --rate requests are due at their times whatever became of those before, and a latency counts from \
            when its request was due: a stall is seen in all requests that it delayed, not in one. --ramp raises the rate over the \
            time, and prints a line for each tenth of it: where the latencies leap, the queue has reached its limit.

            Of casts and notifications "accepted" is when the queue has taken a message, and "arrived" when its handler began. \
            Percentiles come from a histogram with an error of less than 0.1 %, which --json prints. Processor time is that of this \
            process, the client's and the server's part, not the broker's.

            For example: switchboard bench calls --cell one --rate 500 --for 30
            Or:          switchboard bench casts --transport-url rabbit://… --ramp 100:5000 --for 60

            Control-C ends it early, with what was measured until then. Exit codes: 0 every request was done; 1 some failed, were \
            lost, or were another program's; 2 others serve the topic; 3 there is no such cell, instance or host, or its cell has \
            no queue; 4 the first request got no answer in time; 5 the queue cannot be used; 255 the directory cannot be used.
            """)

    @Argument(help: "What is sent.")
    var kind = BenchServing.Kind.calls
    @Option(help: "The topic. Default: a random one.")
    var topic: String?
    @Option(help: "Requests a second. Default: as many as are replied to.")
    var rate: Double?
    @Option(
        help: ArgumentHelp(
            "Requests a second at the beginning and at the end, growing evenly between.", valueName: "from:to"))
    var ramp: String?
    @Option(help: "Requests under way at most. Default: 16, or 256 with --rate or --ramp.")
    var concurrency: Int?
    @Option(name: .customLong("for"), parsing: .unconditional, help: .time("How long is measured"))
    var span: TimeSpan = 10
    @Option(parsing: .unconditional, help: .time("How long before that requests are sent and not measured"))
    var warmUp: TimeSpan = 1
    @Option(help: "Bytes of text in each request.")
    var size = 100
    @Option(
        name: .customLong("timeout"), parsing: .unconditional,
        help: .time("Until a request has failed", "Default: the profile's, or 10."))
    var givenTimeout: TimeSpan?
    @OptionGroup var aim: AimOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    private var timeout: Duration {
        givenTimeout?.duration ?? CommandSettings.current.timeout ?? .seconds(10)
    }

    private var load: BenchLoad {
        if let rate { return .rate(from: rate, to: rate) }
        return ramp.flatMap(BenchLoad.ramp) ?? .asFastAsReplied
    }

    func validate() throws {
        if rate != nil, ramp != nil { throw ValidationError("Give --rate or --ramp, not both.") }
        if let rate, !BenchLoad.rate(from: rate, to: rate).isValid {
            throw ValidationError("--rate is a number over 0, up to 1000000.")
        }
        if let ramp, BenchLoad.ramp(ramp) == nil {
            throw ValidationError("--ramp is two rates from 0 to 1000000, for example 100:5000.")
        }
        if let concurrency, !(1...10_000).contains(concurrency) {
            throw ValidationError("--concurrency is from 1 to 10000.")
        }
        try span.validate(as: "--for", from: .init(argument: "100ms")!, to: .day)
        try warmUp.validate(as: "--warm-up", from: 0, to: 3600)
        if !(0...(16 << 20)).contains(size) { throw ValidationError("--size is from 0 to 16777216 bytes.") }
        try givenTimeout?.validate(as: "--timeout")
        if let topic, topic.isEmpty || topic.utf8.count > 200 || topic.firstOddScalar != nil {
            throw ValidationError("--topic is a text of 1 to 200 bytes without control characters.")
        }
    }

    func run() async throws {
        try await reportingMessageFailures {
            let (url, name) = try await aim.resolve()
            let premises = BenchTopic(topic, of: url, timeout: timeout)
            try await premises.refuseIfServed()
            let result = try await measure(premises, name)
            if output.json {
                try StandardOutput.json(.object(result.report))
            } else {
                try result.table?.print()
                if result.table != nil { try StandardOutput.line("") }
                for line in result.lines { try StandardOutput.line(line) }
            }
            if !result.isClean { throw ExitCode(MessageExit.remote) }
        }
    }

    private func measure(_ premises: BenchTopic, _ name: String) async throws -> BenchResult {
        var bench = Bench(
            serving: BenchServing(kind, topic: premises.topic, size: size, timeout: timeout), load: load,
            concurrency: concurrency ?? (load == .asFastAsReplied ? 16 : 256), span: span.duration,
            warmUp: warmUp.duration)
        let interruption = Interruption()
        bench.interruption = { await interruption.wait() }
        complain(
            "measuring \(kind.rawValue) through \(name) for \((warmUp.duration + span.duration) / .seconds(1)) s; Control-C ends it"
        )
        // From now on until everything is removed.
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        do {
            return try await withThrowingTaskGroup(of: BenchResult?.self) { [bench] group in
                group.addTask {
                    for await _ in signals { interruption.wish() }
                    return nil
                }
                group.addTask {
                    try await premises.connected(name) { client, server in
                        try await bench.run(from: client, to: server)
                    }
                }
                defer { group.cancelAll() }
                while let end = try await group.next() {
                    if let end { return end }
                }
                throw CancellationError()
            }
        } catch is CancellationError {
            throw Failure("Stopped before anything was measured.", exit: MessageExit.remote)
        }
    }
}
