import ArgumentParser
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardSpool

struct SpoolForward: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forward",
        abstract: "Drains a spool into another transport: store, then forward.",
        discussion: """
            Forwards what waits in the queues of topics, servers and notifications, in order, and ends when that has gone. A \
            message leaves the spool when the other side has taken it: each arrives at least once. Stopped in the middle, it \
            goes on when started again. Copies for pools and subscribers of fanouts are theirs, and stay.

            Exit codes: 1 the other side did not take a message, which stays in the spool; 255 the spool cannot be used.
            """)

    @OptionGroup var options: SpoolOptions
    @Argument(
        help: ArgumentHelp("The transport URL to forward to; - to read it from standard input.", valueName: "url"))
    var destination: String
    @Option(help: "Seconds that the other side may take for one message.")
    var timeout = 30
    @Option(help: "Messages on their way at a time. More than 1 is faster, and loses the order.")
    var concurrency = 1
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if timeout < 1 { throw ValidationError("--timeout is at least 1.") }
        if !(1...1024).contains(concurrency) { throw ValidationError("--concurrency is 1 to 1024.") }
    }

    func run() async throws {
        try await reportingTransportFailures {
            let text = destination == "-" ? readLine() ?? "" : destination
            let transport = try Transport(TransportURL(text), drivers: .all, logger: warnings)
            var forwarder = SpoolForwarder(from: try options.configuration(), logger: warnings)
            forwarder.concurrency = concurrency
            let bar = Locked(ProgressBar(total: nil))
            let progress = try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await transport.run() }
                defer { group.cancelAll() }
                return try await forwarder.run(to: transport, timeout: .seconds(timeout)) { progress in
                    bar.withLock { bar in
                        if progress.forwarded == 0 { bar = ProgressBar(total: progress.total) }
                        bar.update(
                            done: progress.forwarded, text: "\(progress.forwarded) of \(progress.total) messages")
                    }
                }
            }
            bar.withLock { $0.finish() }
            if output.json {
                var report = JSONObject()
                report["forwarded"] = JSONValue(progress.forwarded)
                print(JSONValue.object(report))
            } else {
                print("\(progress.forwarded) messages forwarded.")
            }
        }
    }
}
