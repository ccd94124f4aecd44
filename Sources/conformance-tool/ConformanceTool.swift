import DriverHarnesses
import Foundation
import StandardStreams
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardSpool
import SwitchboardTesting

#if RabbitMQ
    import SwitchboardRabbitMQ
#endif

/// Holds this package's drivers to the laws. What `swift package conformance` runs.
@main
struct ConformanceTool {
    static let usage = """
        usage: swift package conformance --url URL [--yes] [--width N]
               swift package conformance [--check FILE | --update FILE] [--drivers NAME,…] [--width N]

          (nothing)        checks every law on every driver, and prints the matrix
          --check FILE     also fails when the table of drivers in FILE is not what the laws say
          --update FILE    also writes that table into FILE
          --laws FILE      only writes the list of laws into FILE
          --drivers NAMES  only those drivers: \(subjects.map(\.name).joined(separator: ", "))
          --url URL        the laws that take no restart and no lost connection, on a server of your own: in the URL's virtual
                           host, with queues of their own names that vanish a minute after. What others have there isn't
                           touched. It makes no virtual host: rabbitmqctl add_vhost does. Asks before it uses a virtual host
                           that is not named in the URL, unless --yes is given
          --width N        how many laws are checked at a time (4)

        A broken law, a claim that nothing proves, and a driver that cannot be checked all give the exit code 1; output \
        that cannot be written gives 74, or 141 where its reader has gone.
        """

    static func main() async {
        StandardStreams.prepare()
        let arguments = Array(CommandLine.arguments.dropFirst())
        if arguments.first == "peer" { return await peer(arguments.dropFirst()) }
        do {
            try await run(ConformanceArguments(arguments))
            try StandardOutput.flush()
        } catch let failure as OutputFailure {
            if !failure.isClosedPipe { complain("\(failure)") }
            exit(failure.exitCode)
        } catch let error as ConformanceArguments.Misuse {
            complain("\(error)\n\n\(usage)")
            exit(2)
        } catch {
            complain("\(error)")
            exit(1)
        }
    }

    private static func run(_ arguments: ConformanceArguments) async throws {
        if arguments.wantsHelp { return try StandardOutput.write(usage + "\n") }
        if let file = arguments.laws { return try write(DriverLaws.markdown, into: "laws", of: file) }
        if let url = arguments.url { return try await check(url, arguments) }
        let report = try await ConformanceReport.check(
            arguments.choose(from: subjects), width: arguments.width,
            progress: { subject, law, verdict in
                if case .broken = verdict { complain("broken by \(subject.name): \(law)") }
            })
        // At once: what is wrong comes behind it.
        try StandardOutput.write("\(report.matrix)\n")
        try StandardOutput.flush()
        for failure in report.failures { complain(failure) }
        // A table of broken claims is not to be written.
        if !report.failures.isEmpty { exit(1) }
        if let file = arguments.document { try keepTable(of: report, in: file, updates: arguments.updates) }
    }

    /// Holds a server that others may use too to the laws.
    private static func check(_ text: String, _ arguments: ConformanceArguments) async throws {
        let url = try TransportURL(text)
        let usual = [OwnServerConformance.Variant("\(url.scheme)")]
        #if RabbitMQ
            let drivers = DriverRegistry(.inProcess(), .spool(), .rabbitMQ())
            let isRabbitMQ = RabbitMQTopology.schemes.contains(url.scheme)
            if isRabbitMQ, url.virtualHost?.isEmpty ?? true, !arguments.isAgreed, !isAgreed(to: url) {
                complain("Nothing was done. Name a virtual host in the URL (rabbit://…/NAME), or agree by --yes.")
                exit(2)
            }
            let presets = RabbitMQTopology.presets.map {
                OwnServerConformance.Variant($0.name, options: $0.options + [.trial])
            }
            let variants = isRabbitMQ ? presets : usual
        #else
            let drivers = DriverRegistry(.inProcess(), .spool())
            let variants = usual
        #endif
        let report = try await OwnServerConformance(url, drivers: drivers, variants: variants).check(
            width: arguments.width,
            progress: { subject, law, verdict in
                if case .broken = verdict { complain("broken by \(subject.name): \(law)") }
            })
        try StandardOutput.write("\(report.matrix)\n")
        try StandardOutput.flush()
        for failure in report.failures { complain(failure) }
        if !report.failures.isEmpty { exit(1) }
    }

    /// Asks a person, where there is one.
    private static func isAgreed(to url: TransportURL) -> Bool {
        guard isatty(0) == 1 else { return false }
        complain(
            "\(url) names no virtual host, so the laws would run in /, where others may see about 300 queues come and go. "
                + "Go on? [y/N]")
        return readLine()?.lowercased().hasPrefix("y") ?? false
    }

    private static func write(_ text: String, into section: String, of file: String) throws {
        let old = try String(contentsOfFile: file, encoding: .utf8)
        let new = try GeneratedSection(section).replacing(in: old, with: text)
        if new != old { try new.write(toFile: file, atomically: true, encoding: .utf8) }
    }

    /// Compares or writes the table of drivers.
    private static func keepTable(of report: ConformanceReport, in file: String, updates: Bool) throws {
        if updates { return try write(report.table, into: "drivers", of: file) }
        let old = try String(contentsOfFile: file, encoding: .utf8)
        if try GeneratedSection("drivers").replacing(in: old, with: report.table) != old {
            complain(
                "The table of drivers in \(file) is stale. Write it anew: swift package conformance --update \(file)\n"
                    + "It should be:\n\(report.table)")
            exit(1)
        } else {
            try StandardOutput.line("The table of drivers in \(file) is what the laws say.")
        }
    }

    /// The other process of laws about processes.
    private static func peer(_ arguments: ArraySlice<String>) async {
        var drivers = DriverRegistry(.inProcess(), .spool())
        #if RabbitMQ
            let preset = arguments.first.flatMap { RabbitMQHarness.Preset(rawValue: $0) } ?? .osloDefaults
            drivers.register(.rabbitMQ(preset.configuration))
        #endif
        await LawPeer.run(drivers: drivers)
    }

    private static func complain(_ text: String) {
        StandardError.lines("conformance: \(text)")
    }
}
