import ArgumentParser
import SwitchboardSpool

struct SpoolDrop: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drop",
        abstract: "Removes messages for good: dead ones, or ones that wait.",
        discussion: "Exit codes: 1 a message could not be removed; 255 the spool cannot be used.")

    @OptionGroup var options: SpoolOptions
    @OptionGroup var letters: MessageOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await options.inspecting { inspector in
            try letters.forEach(inspector, "dropped", output) { try inspector.drop($0) }
        }
    }
}
