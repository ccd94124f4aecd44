import ArgumentParser
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardSpool

struct SpoolList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "Lists the queues of a spool, the messages of a queue, or the dead messages.",
        discussion: "Exit codes: 1 there is no such queue; 255 the spool cannot be used.",
        aliases: ["list"])

    @OptionGroup var options: SpoolOptions
    @Option(help: ArgumentHelp("List the messages that wait in this queue.", valueName: "name"))
    var queue: String?
    @Flag(help: "List the dead messages.")
    var dead = false
    @Option(help: "How many messages at most.")
    var limit = 100
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if queue != nil && dead { throw ValidationError("Give --queue or --dead, not both.") }
        if limit < 1 { throw ValidationError("--limit is at least 1.") }
    }

    func run() async throws {
        try await options.inspecting { inspector in
            if let queue {
                try list(inspector.messages(in: queue, limit: limit))
            } else if dead {
                try list(inspector.deadLetters(limit: limit))
            } else {
                try list(inspector.queues())
            }
        }
    }

    private func list(_ queues: [SpoolInspector.QueueSummary]) throws {
        if output.json {
            var array = try JSONArrayPrinter()
            for queue in queues {
                var report = JSONObject()
                report["name"] = .string(queue.name)
                report["title"] = .string(queue.title)
                report["waiting"] = JSONValue(queue.waiting)
                report["claimed"] = JSONValue(queue.claimed)
                report["bytes"] = JSONValue(queue.bytes)
                report["consumers"] = JSONValue(queue.consumers)
                report["declared"] = .bool(queue.isDeclared)
                try array.add(report)
            }
            return try array.finish()
        }
        var table = Table("QUEUE", "WAITING", "CLAIMED", "BYTES", "CONSUMERS")
        for queue in queues {
            table.add(queue.name, "\(queue.waiting)", "\(queue.claimed)", "\(queue.bytes)", "\(queue.consumers)")
        }
        try table.print()
    }

    private func list(_ messages: [SpoolInspector.StoredMessage]) throws {
        if output.json {
            var array = try JSONArrayPrinter()
            for message in messages { try array.add(message.report) }
            return try array.finish()
        }
        if dead {
            var table = Table("MESSAGE", "QUEUE", "REASON", "METHOD")
            for message in messages { table.add(message.name, message.queue, message.reason, message.method) }
            return try table.print()
        }
        var table = Table("MESSAGE", "ATTEMPTS", "BYTES", "NUMBER", "METHOD")
        for (index, message) in messages.enumerated() {
            table.add(
                message.name, "\(message.attempts)", message.message.map { "\($0.body.count)" }, "\(index + 1)",
                message.method)
        }
        try table.print()
    }
}
