import ArgumentParser
import StandardStreams
import SwitchboardMessaging
import SwitchboardSpool

struct SpoolCheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Looks for what is wrong in a spool; puts it right with --repair.",
        discussion: "Exit codes: 0 all is well or repaired; 1 something is wrong; 255 the spool cannot be used.")

    @OptionGroup var options: SpoolOptions
    @Flag(help: "Put right what is found: damaged messages go to dead/ with the reason.")
    var repair = false
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await options.inspecting { inspector in
            let findings = try inspector.check(repairing: repair)
            if output.json {
                var array = try JSONArrayPrinter()
                for finding in findings {
                    var report = JSONObject()
                    report["finding"] = .string(finding.sentence)
                    report["repaired"] = .bool(finding.isRepaired)
                    try array.add(report)
                }
                try array.finish()
            } else {
                for finding in findings {
                    try StandardOutput.line("\(finding.isRepaired ? "repaired" : "found"): \(finding.sentence)")
                }
                if findings.isEmpty { try StandardOutput.line("All is well.") }
            }
            if findings.contains(where: { !$0.isRepaired }) { throw ExitCode(1) }
        }
    }
}
