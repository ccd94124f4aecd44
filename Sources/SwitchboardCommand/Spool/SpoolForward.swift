import ArgumentParser
import StandardStreams
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardSpool

struct SpoolForward: ConfiguredCommand {
    static let configuration = CommandConfiguration(
        commandName: "forward",
        abstract: "Drains a spool into another transport: store, then forward.",
        discussion: """
            Forwards what waits in the queues of topics, servers and notifications, in order, and ends when that has gone. A \
            message leaves the spool when the other side has taken it: each arrives at least once. Stopped in the middle, it \
            goes on when started again. Copies for pools and subscribers of fanouts are theirs, and stay.

            Exit codes: 1 the other side did not take a message, which stays in the spool; 64 the URL is none; 255 the spool \
            cannot be used.
            """)

    @OptionGroup var options: SpoolOptions
    @Argument(
        help: ArgumentHelp("The transport URL to forward to; - to read it from standard input.", valueName: "url"))
    var destination: String
    @Option(parsing: .unconditional, help: .time("How long the other side may take for one message"))
    var timeout: TimeSpan = 30
    @Option(help: "Messages on their way at a time. More than 1 is faster, and loses the order.")
    var concurrency = 1
    @OptionGroup(title: "Configuration") var configurationOptions: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        try timeout.validate(as: "--timeout")
        if !(1...1024).contains(concurrency) { throw ValidationError("--concurrency is 1 to 1024.") }
    }

    func run() async throws {
        try await options.inspecting { _ in }
        let text = try await given()
        try await reportingFailures([:]) {
            let transport: Transport
            do throws(TransportError) {
                transport = try Transport(TransportURL(text), drivers: .all, logger: warnings)
            } catch {
                throw Failure(error.message, exit: 64)
            }
            let progress = try await forward(to: transport)
            if output.json {
                try StandardOutput.json(["forwarded": JSONValue(progress.forwarded)])
            } else {
                try StandardOutput.line("\(progress.forwarded) messages forwarded.")
            }
        }
    }

    /// The destination's URL.
    private func given() async throws -> String {
        guard destination == "-" else { return destination }
        var text = ""
        try await reportingFailures([:]) { text = try StandardInput.url() }
        return text
    }

    private func forward(to transport: Transport) async throws -> SpoolForwarder.Progress {
        var forwarder = SpoolForwarder(from: try options.configuration(), logger: warnings)
        forwarder.concurrency = concurrency
        let latest = Locked<SpoolForwarder.Progress?>(nil)
        let bar = Locked(ProgressBar(total: nil))
        defer { bar.withLock { $0.finish() } }
        do {
            return try await withThrowingTaskGroup(of: Void.self) { [forwarder] group in
                group.addTask { try await transport.run() }
                defer { group.cancelAll() }
                return try await forwarder.run(to: transport, timeout: timeout.duration) { progress in
                    latest.withLock { $0 = progress }
                    bar.withLock { bar in
                        if progress.forwarded == 0 { bar = ProgressBar(total: progress.total) }
                        bar.update(
                            done: progress.forwarded, text: "\(progress.forwarded) of \(progress.total) messages")
                    }
                }
            }
        } catch let error as TransportError {
            bar.withLock { $0.finish() }
            let count = latest.withLock { $0.map { "\($0.forwarded) of \($0.total) messages were forwarded, then: " } }
            throw Failure("\(count ?? "")\(error.sentence)", exit: 1)
        }
    }
}
