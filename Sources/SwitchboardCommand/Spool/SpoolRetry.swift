import ArgumentParser
import StandardStreams
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardSpool

/// Which messages.
struct MessageOptions: ParsableArguments {
    @Argument(help: "The names of messages, as 'ls --dead' (and, to drop them, 'ls --queue') prints them.")
    var messages: [String] = []
    @Flag(help: "All dead messages.")
    var all = false

    func validate() throws {
        if messages.isEmpty != all { throw ValidationError("Name the messages, or give --all for all dead ones.") }
    }

    /// Does `action` with each; goes on after one that fails, and says so at the end.
    func forEach(
        _ inspector: SpoolInspector, _ done: String, _ output: OutputOptions, _ action: (String) throws -> Void
    ) throws {
        let names = all ? try inspector.deadLetterNames() : messages
        var count = 0
        var failures: [String] = []
        var progress = ProgressBar(total: names.count)
        for name in names {
            do {
                try action(name)
                count += 1
            } catch {
                failures.append("\(name): \((error as? TransportError)?.message ?? "\(error)")")
            }
            progress.update(done: count, text: "\(count) messages")
        }
        progress.finish()
        for failure in failures { complain(failure) }
        if output.json {
            var report = JSONObject()
            report[done] = JSONValue(count)
            report["failed"] = JSONValue(failures.count)
            try StandardOutput.json(.object(report))
        } else {
            try StandardOutput.line("\(count) messages \(done).")
        }
        if !failures.isEmpty { throw ExitCode(1) }
    }
}

struct SpoolRetry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Puts dead messages back into their queues, as new.",
        discussion: "Exit codes: 1 a message could not be put back; 255 the spool cannot be used.")

    @OptionGroup var options: SpoolOptions
    @OptionGroup var letters: MessageOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await options.inspecting { inspector in
            try letters.forEach(inspector, "retried", output) { try inspector.retry($0) }
        }
    }
}
