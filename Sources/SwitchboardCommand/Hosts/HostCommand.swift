import ArgumentParser

struct HostCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "host",
        abstract: "Which cell each host is in.",
        subcommands: [HostDiscover.self, HostMap.self, HostList.self, HostLocate.self, HostDelete.self])
}
