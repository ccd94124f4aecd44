import ArgumentParser
import StandardStreams
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardSpool

struct SpoolShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Shows a message of a spool: waiting, claimed or dead.",
        discussion: "Exit codes: 1 there is no such message; 255 the spool cannot be used.")

    @OptionGroup var options: SpoolOptions
    @Argument(help: "The message's name, as ls prints it.")
    var message: String
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await options.inspecting { inspector in
            guard let found = try inspector.message(named: message) else {
                throw Failure("There is no message \"\(message)\" in the spool.", exit: 1)
            }
            if output.json { return try StandardOutput.json(.object(found.report)) }
            var fields: [(name: String, value: String?)] = [
                ("Message", found.name), ("Queue", found.queue), ("Attempts", "\(found.attempts)"),
            ]
            if let reason = found.reason { fields.append(("Dead because", reason)) }
            guard let content = found.message else {
                fields.append(("Content", "not readable as a message"))
                return try printFields(fields)
            }
            fields.append(("Content type", "\(content.contentType); \(content.contentEncoding)"))
            for (name, value) in content.headers.sorted(by: { $0.key < $1.key }) { fields.append((name, value)) }
            try printFields(fields)
            try StandardOutput.line("")
            if let text = String(validating: content.body, as: UTF8.self) {
                try StandardOutput.lines(text)
            } else {
                try StandardOutput.line("(\(content.body.count) bytes that are no text)")
            }
        }
    }
}
