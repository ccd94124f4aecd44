import DriverHarnesses
import Foundation
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardTesting
import Testing

/// Worlds of a driver that claims more, or less, than the in-process driver it is.
private struct ClaimingHarness: TransportHarness {
    var adding: DriverCapabilities = []
    var without: DriverCapabilities = []

    func withWorld(_ body: (TransportWorld) async throws -> Void) async throws {
        let (network, adding, without) = (InProcessNetwork(), adding, without)
        try await body(
            TransportWorld(patience: .milliseconds(700)) {
                let url = try TransportURL("fake://claims")
                let base = try InProcessDriver(url, network: network)
                return Transport(
                    driver: InterceptedDriver(
                        base, capabilities: base.capabilities.union(adding).subtracting(without)),
                    url: url, logger: quietLogger)
            })
    }
}

@Suite("Conformance: claims, the matrix, the table", .timeLimit(.minutes(2)))
struct ConformanceTests {
    private func subject(_ name: String, _ harness: any TransportHarness) -> ConformanceSubject {
        ConformanceSubject(
            name: name, urls: "`\(name)://`", product: "`X`", needs: "nothing", harness: { _ in harness })
    }

    @Test(
        "A false claim of a capability fails, whichever it is",
        arguments: [DriverCapabilities.reconnects, .interprocess, .durable])
    func falseClaim(_ capability: DriverCapabilities) async throws {
        let laws = DriverLaws.all.filter { $0.capabilities.contains(capability) }
        let report = try await ConformanceReport.check(
            [subject("false", ClaimingHarness(adding: capability))], laws: laws)
        #expect(!report.failures.isEmpty)
        #expect(!report.columns[0].verdicts.contains(.holds), "\(report.matrix)")
    }

    @Test(
        "A claim that is kept and not made fails too, where that is cheap to see",
        arguments: [
            DriverCapabilities.detectsUnroutable, .redelivery,
        ])
    func missingClaim(_ capability: DriverCapabilities) async throws {
        let report = try await ConformanceReport.check(
            [subject("modest", ClaimingHarness(without: capability))], laws: DriverLaws.all(in: .claims))
        #expect(report.failures.count == 1, "\(report.failures)")
    }

    @Test("The matrix and the table say what was found")
    func rendering() async throws {
        let laws = Array(DriverLaws.all(in: .routing).prefix(4))
        let verdicts: [ConformanceReport.Verdict] = [
            .holds, .broken(finding: "it was late."), .unproven(reason: "there is no way to look"), .notClaimed,
        ]
        let report = ConformanceReport(
            laws: laws,
            columns: [
                .init(subject: subject("one", InProcessHarness()), claims: [.ordered, .expires], verdicts: verdicts),
                .init(
                    subject: subject("two", InProcessHarness()), claims: [],
                    verdicts: [.holds, .holds, .notClaimed, .notClaimed]),
            ])
        #expect(report.matrix.contains("  ✗  ✓    \(laws[1].name)"), "\(report.matrix)")
        #expect(report.matrix.contains("  ?  ·    \(laws[2].name)"))
        #expect(
            report.failures == [
                "one: \"\(laws[1].name)\" is broken: it was late.",
                "one: \"\(laws[2].name)\" is unproven: there is no way to look.",
            ])
        let lines = report.table.split(separator: "\n")
        #expect(lines.count == 4)
        #expect(lines[2] == "| `one://` | `X` | – | – | – | ✓ | – | ✓ | – | – | – | – | – | – | 1 of 3 | nothing |")
        #expect(lines[3].contains("| 2 of 2 |"))
    }

    @Test("A checked driver's column has a verdict for each law, and no failure")
    func checking() async throws {
        let laws = DriverLaws.all(in: .addresses) + DriverLaws.all(in: .reconnecting)
        let report = try await ConformanceReport.check([subject("in-process", InProcessHarness())], laws: laws)
        #expect(report.failures.isEmpty)
        #expect(report.columns[0].claims.contains(.ordered))
        #expect(report.columns[0].verdicts.count { $0 == .holds } == DriverLaws.all(in: .addresses).count)
    }

    @Test("A world that cannot be made is an error, not a gap in the matrix")
    func noWorld() async {
        struct NoBroker: Error {}
        struct Harness: TransportHarness {
            func withWorld(_ body: (TransportWorld) async throws -> Void) async throws { throw NoBroker() }
        }
        await #expect(throws: NoBroker.self) { try await ConformanceReport.check([subject("none", Harness())]) }
    }

    @Test("What is between the markers of a document is replaced, and nothing else")
    func section() throws {
        let section = GeneratedSection("x")
        let document = "a\n<!-- x:begin (written by a program) -->\nold\nold\n<!-- x:end -->\nb\n"
        let new = try section.replacing(in: document, with: "new\n")
        #expect(new == "a\n<!-- x:begin (written by a program) -->\nnew\n<!-- x:end -->\nb\n")
        #expect(try section.replacing(in: new, with: "new\n") == new)
        for bad in ["", "<!-- x:begin -->", "<!-- x:end -->\n<!-- x:begin -->", document + document] {
            #expect(throws: GeneratedSection.MissingMarkers.self) { try section.replacing(in: bad, with: "new") }
        }
    }

    @Test("The guide lists every law")
    func guide() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let guide = try String(
            contentsOf: root.appendingPathComponent("Sources/SwitchboardTesting/SwitchboardTesting.docc/Laws.md"),
            encoding: .utf8)
        let new = try GeneratedSection("laws").replacing(in: guide, with: DriverLaws.markdown)
        #expect(
            new == guide,
            "Write it anew: swift package conformance --laws \(root.path)/Sources/SwitchboardTesting/SwitchboardTesting.docc/Laws.md"
        )
    }

    @Test("A task reaches the other process as it was given")
    func tasks() {
        let topic = Topic("ü,\n", exchange: "x")
        let addresses: [Address] = [
            .topic(topic), .server(topic, server: ""), .fanout(topic), .mailbox(Mailbox(named: "m")),
            .notifications(topic), .pool("p", of: topic),
        ]
        for address in addresses {
            for task in [
                OtherProcessTask.takeAndVanish(from: address), .publish(bodies: [[], [0, 255]], to: address),
            ] {
                #expect(OtherProcessTask(lines: task.lines) == task)
            }
        }
        for lines in [[], ["take"], ["take", "zz,"], ["publish", "746f706963,", "0"], ["other", "746f706963,,,"]] {
            #expect(OtherProcessTask(lines: lines) == nil)
        }
    }
}
