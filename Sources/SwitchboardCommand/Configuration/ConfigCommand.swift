import ArgumentParser

struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Explains configuration files, and lists profiles.",
        subcommands: [ConfigExplain.self, ConfigProfiles.self])
}
