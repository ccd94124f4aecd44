import ArgumentParser

struct QueuesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue",
        abstract: "The queues and exchanges of a message bus.",
        subcommands: [QueueAuditCommand.self, QueueMigrateCommand.self])
}
