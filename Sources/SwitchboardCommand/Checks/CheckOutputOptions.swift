import ArgumentParser
import Foundation
import StandardStreams

/// How a check's report is printed: the same for all checks.
struct CheckOutputOptions: ParsableArguments {
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text, json, nagios, prometheus
    }

    @Flag(help: "Print JSON instead of text.")
    var json = false
    @Option(
        help: ArgumentHelp(
            "How the report is printed: text, json, nagios (a line with performance data, as Nagios' plug-ins), or prometheus "
                + "(text for a node exporter).", valueName: "format"))
    var output: Format?
    @Option(
        help: ArgumentHelp(
            "Write the report to this file instead of standard output. It is replaced in one step, so nobody reads half of it.",
            valueName: "path"))
    var outfile: String?

    func validate() throws {
        if json, let output, output != .json {
            throw ValidationError(
                "--json and --output \(output.rawValue) are two ways to print one report: leave one out.")
        }
    }

    private var format: Format { output ?? (json ? .json : .text) }

    /// Prints the report, or writes it to its file; the exit code is the report's. Throws `ExitCode` unless all is well.
    func finish(_ report: CheckReport) throws {
        try write(text(of: report, at: Date.now.timeIntervalSince1970))
        if report.status != .ok { throw ExitCode(report.status.exitCode) }
    }

    /// - Parameter time: when the check ended, in seconds since 1970.
    func text(of report: CheckReport, at time: Double) -> String {
        func joined(_ lines: [String]) -> String {
            lines.map { ArgumentEcho.own.cleaned($0).printable + "\n" }.joined()
        }
        return switch format {
        case .text: joined(CheckText(report: report).lines)
        case .json: "\(CheckJSON(report: report).value)\n"
        case .nagios: joined(NagiosText(report: report).lines)
        case .prometheus: PrometheusText(report: report, time: time).text
        }
    }

    private func write(_ text: String) throws {
        guard let outfile else { return try StandardOutput.write(text) }
        do {
            try AtomicFile.write(text, to: outfile)
        } catch {
            throw Failure(error.description, exit: 74)
        }
    }
}
