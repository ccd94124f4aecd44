import ArgumentParser

struct InstanceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "instance",
        abstract: "Which cell each instance is in.",
        subcommands: [
            InstanceMap.self, InstanceUnmap.self, InstanceLocate.self, InstanceVerify.self, InstanceList.self,
        ])
}
