import ArgumentParser
import Foundation
import StandardStreams
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardTesting

#if RabbitMQ
    import SwitchboardRabbitMQ
#endif

struct ConformanceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conformance",
        abstract: "Holds a queue server of your own to the laws of drivers, before programs move there.",
        discussion: """
            Checks the laws that take no restart, no lost connection and no other process, with each kind of queues, and prints \
            the matrix. It works in the URL's virtual host. Its queues and exchanges have names of their own (they end in \
            -trial- and eight characters, or begin with reply_) and vanish a minute after they were used last, also when the \
            check is ended early, except exchanges that nothing was bound to by then. What others have there is neither used \
            nor changed. It makes no virtual host, as AMQP has no command for that: make one for it with rabbitmqctl \
            add_vhost and set_permissions, and delete it afterwards. Before it uses a virtual host that the URL does not \
            name, it asks.

            For example: switchboard conformance --url rabbit://user@broker/trial

            Exit codes: 0 all laws hold; 1 one does not; 2 it was not agreed to; 5 the server cannot be used.
            """)

    @Option(name: .customLong("url"), help: "The server and its virtual host.")
    var url: String
    @Flag(name: .shortAndLong, help: "Don't ask.")
    var yes = false
    @Option(help: "How many laws are checked at a time.")
    var width = 4
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if width < 1 { throw ValidationError("--width is at least 1.") }
    }

    func run() async throws {
        let report: ConformanceReport
        do {
            let url = try TransportURL(url)
            let usual = [OwnServerConformance.Variant("\(url.scheme)")]
            #if RabbitMQ
                let isRabbitMQ = RabbitMQTopology.schemes.contains(url.scheme)
                if isRabbitMQ, url.virtualHost?.isEmpty ?? true, !yes, !isAgreed(to: url) {
                    complain("Nothing was done. Name a virtual host in the URL, or agree by --yes.")
                    throw ExitCode(2)
                }
                let presets = RabbitMQTopology.presets.map {
                    OwnServerConformance.Variant($0.name, options: $0.options + [.trial])
                }
                let variants = isRabbitMQ ? presets : usual
            #else
                let variants = usual
            #endif
            report = try await OwnServerConformance(url, drivers: .all, variants: variants).check(width: width)
        } catch let code as ExitCode {
            throw code
        } catch {
            complain("\(error)")
            throw ExitCode(MessageExit.queue)
        }
        if output.json { try StandardOutput.json(report.json) } else { try StandardOutput.lines(report.matrix) }
        for failure in report.failures { complain(failure) }
        if !report.failures.isEmpty { throw ExitCode(1) }
    }

    /// Asks a person, where there is one.
    private func isAgreed(to url: TransportURL) -> Bool {
        guard isatty(0) == 1 else { return false }
        complain(
            "\(url) names no virtual host, so the laws would run in /, where others may see some hundred queues come and go. "
                + "Go on? [y/N]")
        return readLine()?.lowercased().hasPrefix("y") ?? false
    }
}

extension ConformanceReport {
    fileprivate var json: JSONValue {
        .array(
            laws.indices.map { row in
                var verdicts: JSONObject = [:]
                for column in columns { verdicts[column.subject.name] = .string(column.verdicts[row].word) }
                return [
                    "law": .string(laws[row].name), "group": .string(laws[row].group.rawValue),
                    "verdicts": .object(verdicts),
                ]
            })
    }
}

extension ConformanceReport.Verdict {
    fileprivate var word: String {
        switch self {
        case .holds: "holds"
        case .notClaimed: "not claimed"
        case .unproven: "unproven"
        case .broken: "broken"
        }
    }
}
