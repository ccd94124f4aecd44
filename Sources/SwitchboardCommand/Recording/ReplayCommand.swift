import ArgumentParser
import Foundation
import StandardStreams
import SwitchboardCore
import SwitchboardMessaging

extension ReplayLedger.Answers: ExpressibleByArgument {}

struct ReplayCommand: ConfiguredCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Sends what 'switchboard record' has recorded to a bus, and compares the answers.",
        discussion: """
            Requests and notifications are sent in their order and with their ids, to the exchanges and routing keys that they had. \
            Calls are answered to a reply queue of its own, which goes a minute after its end. Answers of the recording aren't sent: they \
            are what the new answers are compared with. Differences are listed with the message's number, its method and id, and where \
            in the result they are.

            It does again what was done when it was recorded, so it asks first, or takes --yes. --allow names what may be sent; without it, \
            everything is. Send a recording to a bus for tests: to the one that it is from it isn't sent without --same-bus.

            As ids are kept, a server that still remembers them takes a second replay for duplicates, and doesn't answer. What was \
            masked in the recording is sent masked: a server that needs a secret fails. Secrets in answers aren't compared.

            For example:

              switchboard record --cell one --to /var/tmp/monday --for 10m
              switchboard replay /var/tmp/monday --transport-url rabbit://… --allow 'get_*' --pace 2x
              switchboard replay /var/tmp/monday --transport-url rabbit://… --pace max --answers ignore --yes --json

            Control-C and SIGTERM end it; it says then where --skip goes on.

            Exit codes: 0 everything was sent and answered, as recorded; 1 something wasn't, a message of the recording is damaged, or \
            it was interrupted, or nothing of it was to be sent; 2 it was not agreed to; 3 there is no such cell, instance or host, or its cell has no queue; 5 the queue \
            can't be used; 74 the recording can't be read; 255 the directory of cells can't be used.
            """)

    @Argument(help: ArgumentHelp("The recording's directory.", valueName: "recording"))
    var recording: String
    @Option(
        name: .customLong("allow"),
        help: ArgumentHelp(
            "Send this method or event type; * stands for any text. Give it again for more. Default: all.",
            valueName: "method"))
    var allowed: [String] = []
    @Option(
        help: ArgumentHelp(
            "How fast: 1x as recorded, 2x twice as fast, 0.5x, or max: as fast as it goes.", valueName: "pace"))
    var pace = "1x"
    @Option(
        help: ArgumentHelp(
            "compare: calls wait for their answers, which have to be the recorded ones; wait: any answer will do; ignore: "
                + "answers are not waited for.", valueName: "what"))
    var answers = ReplayLedger.Answers.compare
    @Option(help: ArgumentHelp("Begin after so many messages of the recording.", valueName: "number"))
    var skip = 0
    @Option(help: "Differences that are listed; with --json at most 1000 are.")
    var limit = 20
    @Option(help: "Calls that wait for their answers at a time.")
    var concurrency = 256
    @Option(
        name: .customLong("timeout"), parsing: .unconditional,
        help: .time("How long a call waits for its answer", "Default: the profile's, or 60."))
    var givenTimeout: TimeSpan?
    @Flag(help: "Agree that it is all done again; don't ask.")
    var yes = false
    @Flag(help: "Send it also to the bus that it was recorded from.")
    var sameBus = false
    @OptionGroup var aim: AimOptions
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    /// The exit code when the replay was not agreed to.
    private static let notAgreed: Int32 = 2
    /// How long the queue may take for what was sent when the replay is interrupted.
    private static let grace = Duration.seconds(5)

    func validate() throws {
        if pace != "max", Self.speed(pace) == nil {
            throw ValidationError("--pace is max, or a number from 0.001 to 1000 and an x, for example 2x.")
        }
        for pattern in allowed { _ = try TapOptions.pattern(pattern, "--allow") }
        if skip < 0 { throw ValidationError("--skip is a number from 0 on.") }
        if limit < 0 { throw ValidationError("--limit is a number from 0 on.") }
        if !(1...100_000).contains(concurrency) { throw ValidationError("--concurrency is from 1 to 100000.") }
        try givenTimeout?.validate(as: "--timeout")
    }

    static func speed(_ pace: String) -> Double? {
        guard pace.hasSuffix("x"), let speed = Double(pace.dropLast()), speed >= 0.001, speed <= 1000 else {
            return nil
        }
        return speed
    }

    func run() async throws {
        try await reportingMessageFailures {
            let path = Recording.path(recording)
            // Before anything is connected.
            let origin = try Self.origin(of: path)
            let (url, name) = try await aim.resolve()
            if let origin, origin.sharesBus(with: url), !sameBus {
                throw Failure(
                    "The recording is from this bus (\(origin)), where it would all be done again. Give --same-bus if that is meant. "
                        + "Nothing was sent.", exit: Self.notAgreed)
            }
            guard isAgreed(name) else { throw Failure("Nothing was sent.", exit: Self.notAgreed) }
            let timeout = givenTimeout?.duration ?? CommandSettings.current.timeout ?? .seconds(60)
            var replay = Replay(path: path)
            replay.allowed = allowed.compactMap { GlobPattern($0) }
            replay.speed = Self.speed(pace)
            replay.skip = skip
            replay.concurrency = concurrency
            replay.timeout = timeout
            let ledger = ReplayLedger(answers: answers, timeout: timeout)
            try await run(replay, to: url, name, into: ledger)
            let report = ledger.report
            if output.json {
                try StandardOutput.json(.object(report.json))
            } else {
                for line in report.lines(limit: limit) {
                    try StandardOutput.line(ArgumentEcho.own.cleaned(Secret.masked(in: line)).printable)
                }
            }
            if let reason = report.emptiness(skip: skip) {
                throw Failure("Nothing was sent: \(reason)", exit: MessageExit.remote)
            }
            if !report.isClean { throw ExitCode(MessageExit.remote) }
        }
    }

    /// Where a recording is from, as its first message says.
    private static func origin(of path: String) throws -> TransportURL? {
        var reader = try RecordingReader(path)
        defer { reader.close() }
        return try reader.next()?.bus
    }

    /// Asks a person, where there is one.
    private func isAgreed(_ name: String) -> Bool {
        if yes { return true }
        guard isatty(STDIN_FILENO) == 1, aim.transportURL != "-" else {
            complain("Without a terminal nobody can be asked: give --yes.")
            return false
        }
        let what = allowed.isEmpty ? "everything in" : "what --allow names of"
        complain("Send \(what) \(recording) to \(name), where it is all done again? [y/N]")
        return readLine()?.lowercased().hasPrefix("y") ?? false
    }

    private func run(_ replay: Replay, to url: TransportURL, _ name: String, into ledger: ReplayLedger) async throws {
        let transport = try Transport(url.leavingNothing, drivers: .all, logger: messageLogger())
        let outlet = Replay.Outlet(transport)
        complain("sending to \(name); Control-C ends it")
        try await withRunning(transport) {
            let ending = try await untilStopped(after: nil) { try await replay.run(through: outlet, into: ledger) }
            if ending == .signal { await ledger.waitForConfirmations(within: Self.grace) }
        }
    }
}
