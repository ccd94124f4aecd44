import ArgumentParser
import Foundation
import StandardStreams
import SwitchboardCore
import SwitchboardMessaging

struct ReplayCommand: ConfiguredCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Sends what 'switchboard record' has recorded to a bus, and compares the answers.",
        discussion: """
            Requests and notifications are sent in their order and with their ids, to the exchanges and routing keys that they had; \
            calls are answered to a reply queue of its own, which goes a minute after its end. Answers of the recording aren't sent.

            As ids are kept, a server that still remembers them takes a second replay for duplicates, and doesn't answer.

            It does again what was done when it was recorded, so it wants --yes. --allow names what may be sent; without it, everything is. Send \
            a recording to a bus for tests, not to the one that it is from.

            What was masked in the recording is sent masked: a server that needs a secret fails. Secrets in answers aren't \
            compared.

            For example: switchboard replay /var/tmp/monday --transport-url rabbit://… --allow 'get_*' --pace 2x --compare --yes

            Exit codes: 0 everything was sent and answered, with --compare as recorded; 1 something wasn't; 3 there is no such cell, \
            instance or host, or its cell has no queue; 5 the queue can't be used; 74 the recording can't be read; 255 the directory \
            can't be used.
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
    @Flag(help: "Compare the answers with the recorded ones.")
    var compare = false
    @Option(help: ArgumentHelp("Begin after so many messages of the recording.", valueName: "number"))
    var skip = 0
    @Option(help: "Differences that are listed.")
    var limit = 20
    @Option(help: "Calls that wait for their answers at a time.")
    var concurrency = 256
    @Option(
        name: .customLong("timeout"),
        help: ArgumentHelp(
            "Seconds that a call waits for its answer. Default: the profile's, or 60.", valueName: "timeout"))
    var givenTimeout: Double?
    @Flag(help: "Agree that it is all done again.")
    var yes = false
    @OptionGroup var aim: AimOptions
    @OptionGroup var output: OutputOptions

    var configurationOptions: ConfigurationOptions { aim.directory.configuration }

    func validate() throws {
        if pace != "max", Self.speed(pace) == nil {
            throw ValidationError("--pace is max, or a number from 0.001 to 1000 and an x, for example 2x.")
        }
        for pattern in allowed { _ = try TapOptions.pattern(pattern, "--allow") }
        if skip < 0 { throw ValidationError("--skip is a number from 0 on.") }
        if limit < 0 { throw ValidationError("--limit is a number from 0 on.") }
        if !(1...100_000).contains(concurrency) { throw ValidationError("--concurrency is from 1 to 100000.") }
        if let givenTimeout, !(givenTimeout > 0 && givenTimeout < 1e9) {
            throw ValidationError("--timeout is a number of seconds over 0.")
        }
        if !yes {
            throw ValidationError("A replay does again what was done when it was recorded. Agree by --yes.")
        }
    }

    static func speed(_ pace: String) -> Double? {
        guard pace.hasSuffix("x"), let speed = Double(pace.dropLast()), speed >= 0.001, speed <= 1000 else {
            return nil
        }
        return speed
    }

    func run() async throws {
        try await reportingMessageFailures {
            let path = recording.hasPrefix("/") ? recording : FileManager.default.currentDirectoryPath + "/" + recording
            // Before anything is connected.
            try RecordingReader(path).close()
            let (url, name) = try await aim.resolve()
            var replay = Replay(path: path)
            replay.allowed = allowed.compactMap { GlobPattern($0) }
            replay.speed = Self.speed(pace)
            replay.compares = compare
            replay.skip = skip
            replay.concurrency = concurrency
            replay.timeout = givenTimeout.map { .seconds($0) } ?? CommandSettings.current.timeout ?? .seconds(60)
            let report = try await run(replay, to: url, name)
            if output.json {
                try StandardOutput.json(.object(report.json))
            } else {
                for line in report.lines(limit: limit) {
                    try StandardOutput.line(ArgumentEcho.own.cleaned(Secret.masked(in: line)).printable)
                }
            }
            if !report.isClean { throw ExitCode(MessageExit.remote) }
        }
    }

    private func run(_ replay: Replay, to url: TransportURL, _ name: String) async throws -> ReplayReport {
        let transport = try Transport(url.leavingNothing, drivers: .all, logger: messageLogger())
        let outlet = Replay.Outlet(transport: transport, mailbox: transport.makeMailbox())
        complain("sending to \(name); Control-C ends it")
        let report = Locked(ReplayReport())
        _ = try await untilStopped(after: nil) {
            // Cancelled, it says how far it came, and then the connection ends.
            try await withThrowingTaskGroup(of: ReplayReport?.self) { group in
                group.addTask {
                    try await transport.run()
                    return nil
                }
                group.addTask { try await replay.run(through: outlet) }
                defer { group.cancelAll() }
                while let end = try await group.next() {
                    guard let end else { continue }
                    report.withLock { $0 = end }
                    return
                }
            }
        }
        return report.withLock { $0 }
    }
}
