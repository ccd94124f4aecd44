import Foundation
import SwitchboardMessaging
import Testing

@testable import SwitchboardCommand

/// One report in its formats, as values: `doctor` and every later check print theirs by these.
@Suite("Reports of checks")
struct CheckReportTests {
    private static let backlog = CheckMeasurement(
        "backlog", .messages, 12, CheckThresholds(.above, warning: 10, critical: 100), help: "How many messages wait")

    private static let report = CheckReport(
        "doctor",
        subjects: [
            .init(
                "cell 1 (one)", labels: [.init("cell", "one")],
                results: [
                    .ok("tcp", "took the connection in 0.5 ms"),
                    .measured(
                        "backlog", of: "compute", "12 waiting", [backlog], otherwise: .init("Slow.", do: "Look.")),
                    .failed("ping", "no | answer", .init("It is deaf.", do: "Restart it.")),
                    .skipped("clock", because: "no API"),
                ]),
            .init("cell 2 (two)", labels: [.init("cell", "t\"w\\o\n")], results: [.ok("tcp", "fine")]),
        ])

    private func text(_ format: CheckOutputOptions.Format, of report: CheckReport = report) -> String {
        var options = CheckOutputOptions()
        options.json = false
        options.outfile = nil
        options.output = format
        return options.text(of: report, at: 1_700_000_000)
    }

    @Test("The worst step decides, and what was skipped counts only where there is nothing else")
    func status() {
        #expect(Self.report.status == .failed && Self.report.subjects[1].status == .ok)
        let skipped = CheckResult.skipped("a", because: "b")
        #expect(CheckReport("c", subjects: [.init("d", results: [skipped])]).status == .skipped)
        #expect(CheckReport("c", subjects: [.init("d", results: [skipped, .ok("e", "f")])]).status == .ok)
        #expect(CheckReport("c").status.exitCode == 3)
        #expect(CheckStatus.allCases.map(\.exitCode) == [0, 1, 2, 3])
    }

    @Test("A threshold is passed beyond it, in its direction")
    func thresholds() {
        let above = CheckThresholds(.above, warning: 10, critical: 20)
        #expect([10, 11, 20, 21].map { above.status(of: $0) } == [.ok, .warning, .warning, .failed])
        let below = CheckThresholds(.below, warning: 10, critical: 5)
        #expect([10, 9, 5, 4].map { below.status(of: $0) } == [.ok, .warning, .warning, .failed])
        #expect(CheckThresholds.none.status(of: .infinity) == .ok)
    }

    @Test("Text: a line a step, with what it means and what to do below those that aren't well")
    func plainText() {
        #expect(
            text(.text) == """
                cell 1 (one)
                  ✓ tcp              took the connection in 0.5 ms
                  ! backlog compute  12 waiting
                      Slow.
                      → Look.
                  ✗ ping             no | answer
                      It is deaf.
                      → Restart it.
                  – clock            no API

                cell 2 (two)
                  ✓ tcp  fine

                Something fails: 4 steps, 1 failed, 1 warning, 1 skipped.

                """)
    }

    @Test("Nagios: one line with the first failure and performance data, then the steps")
    func nagios() {
        let lines = text(.nagios).split(separator: "\n")
        #expect(lines[0] == "DOCTOR CRITICAL - cell 1 (one): ping: no / answer | 'one backlog compute'=12;10;100")
        #expect(lines.count == 6 && lines.dropFirst().allSatisfy { !$0.contains("|") })
        let certificate = CheckMeasurement(
            "certificate_validity", .seconds, 1.5, CheckThresholds(.below, warning: 3, critical: 2), help: "Left")
        let result = CheckResult.measured("tls", "short", [certificate], otherwise: .init("It ends.", do: "Renew."))
        let other = text(.nagios, of: CheckReport("doctor", subjects: [.init("it", results: [result])]))
        #expect(other.hasPrefix("DOCTOR CRITICAL - it: tls: short | 'certificate_validity'=1.5s;3:;2:\n"))
    }

    @Test("JSON has everything")
    func json() throws {
        let value = try JSONValue(parsing: Array(text(.json).utf8))
        #expect(value["check"] == "doctor" && value["status"] == "failed")
        let one = try #require(value["subjects"]?[0])
        #expect(one["cell"] == "one" && one["status"] == "failed")
        let backlog = try #require(one["steps"]?[1])
        #expect(backlog["object"] == "compute" && backlog["status"] == "warning" && backlog["advice"] == "Look.")
        #expect(backlog["measurements"]?[0]?["name"] == "backlog")
        #expect(one["steps"]?[3]?["status"] == "skipped")
    }

    @Test("Prometheus: each metric once, with help and type, labels escaped, in base units")
    func prometheus() {
        let text = text(.prometheus)
        #expect(text.contains("switchboard_check_result{check=\"doctor\"} 2\n"))
        #expect(text.contains("switchboard_check_timestamp_seconds{check=\"doctor\"} 1700000000\n"))
        #expect(
            text.contains("switchboard_check_step_result{check=\"doctor\",cell=\"one\",step=\"ping\"} 2\n"))
        #expect(
            text.contains("switchboard_check_backlog_messages{check=\"doctor\",cell=\"one\",object=\"compute\"} 12\n"))
        #expect(text.contains(#"cell="t\"w\\o\n""#))
        let types = text.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }
        #expect(Set(types).count == types.count && types.count == 4)
    }

    @Test("promtool finds nothing wrong with the metrics")
    func promtool() throws {
        let program = try Program()
        try text(.prometheus).write(toFile: program.folder + "/doctor.prom", atomically: true, encoding: .utf8)
        let tool = ProcessInfo.processInfo.environment["SWITCHBOARD_PROMTOOL"] ?? "promtool"
        let checked = try program.shell("'\(tool)' check metrics <doctor.prom")
        #expect(checked.status == 0, "promtool is in Debian's package prometheus. \(checked.output)\(checked.errors)")
        #expect(checked.output.isEmpty && checked.errors.isEmpty, "\(checked.output)\(checked.errors)")
    }

    @Test("No secret gets into a report, wherever it is put")
    func secrets() {
        let url = "rabbit://nova:canary-of-reports@h/"
        let report = CheckReport(
            "doctor",
            subjects: [
                .init(
                    url, labels: [.init("cell", url)],
                    results: [
                        .ok("a", of: url, url), .failed("b", url, .init(url, do: url)), .skipped("c", because: url),
                    ])
            ])
        for format in CheckOutputOptions.Format.allCases {
            #expect(!text(format, of: report).contains("canary-of-reports"))
        }
    }

    @Test("A file is replaced in one step, can be read by others, and leaves nothing beside it")
    func atomicFile() throws {
        let program = try Program()
        let path = program.folder + "/report"
        for content in ["old", "new"] {
            try AtomicFile.write(content, to: path)
            #expect(try String(contentsOfFile: path, encoding: .utf8) == content)
        }
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o644)
        #expect(throws: AtomicFile.WritingError.self) { try AtomicFile.write("x", to: program.folder + "/no/such") }
        // A folder in the place of the file: what was written goes.
        try FileManager.default.createDirectory(atPath: program.folder + "/taken", withIntermediateDirectories: true)
        #expect(throws: AtomicFile.WritingError.self) { try AtomicFile.write("x", to: program.folder + "/taken") }
        #expect(try Set(FileManager.default.contentsOfDirectory(atPath: program.folder)) == ["report", "taken"])
    }
}
