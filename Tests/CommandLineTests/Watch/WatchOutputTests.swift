import Foundation
import SwitchboardCells
import SwitchboardCore
import SwitchboardMessaging
import Testing

@testable import SwitchboardCommand

/// What a watch prints, as values.
@Suite("Watch, outputs")
struct WatchOutputTests {
    private static let odd = WatchedCell(
        CellMapping(id: CellID("33333333-0000-4000-8000-000000000003")!, name: "t\"w\\o\n"))

    /// Three cells after two sweeps: one with a host of each kind, one unreachable, one with an odd name.
    private static func content(hosts: Int = 0) -> WatchBoard.Content {
        let board = WatchBoard()
        let names = ["answers", "noping", "slow", "deaf", "absent"] + (0..<hosts).map { "more\($0)" }
        let found: [String: HostClass] = [
            "answers": .answering, "noping": .noPing, "slow": .slow, "deaf": .deaf, "absent": .absent,
        ].merging((0..<hosts).map { ("more\($0)", .deaf) }) { $1 }
        _ = board.change {
            $0.follow(
                [(HostStatesTests.one, names), (HostStatesTests.two, ["behind"]), (odd, ["fine"])],
                at: 1_700_000_000)
        }
        for _ in 1...2 {
            _ = board.change { states in
                states.apply(HostStatesTests.observation(found), at: 1_700_000_000)
                    + states.apply(
                        HostStatesTests.observation(
                            [:], .failed(reason: "refused\u{1B}[2J", isCertain: true), of: HostStatesTests.two),
                        at: 1_700_000_000)
                    + states.apply(HostStatesTests.observation(["fine": .answering], of: odd), at: 1_700_000_000)
            }
        }
        let states = board.current.states
        board.end(
            SweepSummary(
                number: 2, time: 1_700_000_010, duration: .milliseconds(2345), counts: states.counts,
                cells: 3, unreachableCells: 1, defects: ["A row is broken."]),
            next: .now + .seconds(50))
        return board.current
    }

    // MARK: Metrics

    @Test("Metrics: each host's state once, and counts that fit them")
    func metrics() throws {
        let text = try #require(Self.content().metrics)
        let lines = text.split(separator: "\n").map(String.init)
        let samples = lines.filter { !$0.hasPrefix("#") }.map { String($0[..<$0.lastIndex(of: " ")!]) }
        #expect(Set(samples).count == samples.count)
        for (host, state) in [
            ("answers", "answering"), ("noping", "no_ping"), ("slow", "slow"), ("deaf", "deaf"), ("absent", "absent"),
        ] {
            #expect(
                lines.contains("switchboard_watch_host_state{cell=\"one\",host=\"\(host)\",state=\"\(state)\"} 1"))
            #expect(lines.contains("switchboard_watch_hosts{cell=\"one\",state=\"\(state)\"} 1"))
        }
        #expect(lines.contains(#"switchboard_watch_host_state{cell="two",host="behind",state="unreachable"} 1"#))
        #expect(lines.contains(#"switchboard_watch_cell_reachable{cell="two"} 0"#))
        #expect(lines.contains(#"switchboard_watch_cell_reachable{cell="t\"w\\o\n"} 1"#))
        #expect(lines.contains(#"switchboard_watch_changes_total{state="deaf"} 1"#))
        #expect(lines.contains("switchboard_watch_sweeps_total 2"))
        #expect(lines.contains("switchboard_watch_directory_defects 1"))
        let timed = lines.filter { $0.hasPrefix("switchboard_watch_host_round_trip_seconds{") }
        #expect(timed.count == 4 && timed.allSatisfy { $0.hasSuffix(" 0.005") })
        #expect(WatchBoard().current.metrics == nil)
    }

    @Test("promtool finds nothing wrong with a watch's metrics, nor with those of a check of hosts")
    func promtool() throws {
        let program = try Program()
        let metrics = try #require(Self.content().metrics)
        let listing = HostListing(
            cells: [
                .init(
                    mapping: CellMapping(id: HostStatesTests.one.id, name: "one"), watched: HostStatesTests.one,
                    hosts: ["a", "b"])
            ], defects: ["A row is broken."])
        let report = HostsReport(
            thresholds: .init(.above, warning: 0, critical: 1), listing: listing,
            observations: [HostStatesTests.one.id: HostStatesTests.observation(["a": .deaf, "b": .slow])]
        ).report
        for (name, text) in [
            ("watch", metrics), ("check", PrometheusText(report: report, time: 1_700_000_000).text),
        ] {
            try text.write(toFile: program.folder + "/\(name).prom", atomically: true, encoding: .utf8)
            let tool = ProcessInfo.processInfo.environment["SWITCHBOARD_PROMTOOL"] ?? "promtool"
            let checked = try program.shell("'\(tool)' check metrics <\(name).prom")
            #expect(
                checked.status == 0, "promtool is in Debian's package prometheus. \(checked.output)\(checked.errors)")
            #expect(checked.output.isEmpty && checked.errors.isEmpty, "\(checked.output)\(checked.errors)")
        }
    }

    // MARK: The table

    @Test("The table fits every page, and shows on a large one what is wrong, worst cells first")
    func table() {
        let content = Self.content(hosts: 40)
        for (columns, rows) in [(1, 1), (10, 2), (20, 3), (40, 8), (80, 24), (200, 60), (500, 500)] {
            let lines = WatchTable(content: content, columns: columns, rows: rows, now: .now).lines
            #expect(lines.count <= rows && !lines.isEmpty)
            #expect(lines.allSatisfy { $0.count <= columns })
            #expect(!lines.joined().contains("\u{1B}"))
        }
        let lines = WatchTable(content: content, columns: 200, rows: 200, now: .now).lines
        #expect(
            lines[0].hasPrefix("sweep 2: 47 hosts in 3 cells; 1 unreachable: 2 answering, 1 no ping, 1 slow, 41 deaf"))
        #expect(lines[0].contains("next sweep in") && lines[0].contains("1 defects in the mappings"))
        #expect(lines[2].hasPrefix("CELL"))
        #expect(lines[3].hasPrefix("one") && lines[4].hasPrefix("two") && lines[5].hasPrefix("t\"w"))
        #expect(lines.contains { $0.contains("deaf") && $0.contains("more39") && $0.contains("2023-11-14T22:13:20Z") })
        #expect(lines.contains { $0.contains("(all 1)") && $0.contains("unreachable") && $0.contains("refused") })
        #expect(!lines.contains { $0.contains("answers ") || $0.contains("noping") })
        let small = WatchTable(content: content, columns: 80, rows: 24, now: .now).lines
        #expect(small.contains { $0.hasPrefix("… and ") && $0.hasSuffix(" more hosts") })
    }

    @Test("A table before the first sweep has ended, and one of a suspicion")
    func earlyTable() {
        let board = WatchBoard()
        let empty = WatchTable(content: board.current, columns: 80, rows: 24, now: .now).lines
        #expect(empty.first == "first sweep; sweeping")
        _ = board.change { $0.follow([(HostStatesTests.one, ["h"])], at: 0) }
        _ = board.change { $0.apply(HostStatesTests.observation(["h": .deaf]), at: 0) }
        let lines = WatchTable(content: board.current, columns: 200, rows: 24, now: .now).lines
        #expect(lines.contains { $0.contains("deaf?") && $0.contains("not certain yet") })
    }

    // MARK: Lines

    @Test("Events and sweeps as text and as JSON; nothing in them has a secret")
    func lines() throws {
        let content = Self.content()
        #expect(content.events.count == 4)
        let texts = content.events.map(\.text)
        #expect(texts.contains("cell one, host absent: absent (a detail of absent)"))
        for event in content.events {
            let json = event.json
            #expect(json["time"] == "2023-11-14T22:13:20Z")
            #expect(["host", "cell_unreachable"].contains(json["event"]?.string))
        }
        let summary = try #require(content.summary)
        #expect(summary.json["deaf"] == 1 && summary.json["hosts"] == 7 && summary.json["event"] == "sweep")
        #expect(summary.text.contains("7 hosts in 3 cells; 1 unreachable") && summary.text.contains("(2.3 s)"))
        let secret = WatchedCell(
            CellMapping(id: HostStatesTests.one.id, name: "rabbit://nova:canary-of-watch@h/"))
        #expect(!secret.label.contains("canary-of-watch"))
    }

    // MARK: The check

    private func report(
        _ found: [String: HostClass], warning: Double = 0, critical: Double = 10,
        _ outcome: CellObservation.Outcome = .reached(roundTrip: .milliseconds(2))
    ) -> CheckReport {
        let cell = HostListing.Cell(
            mapping: CellMapping(id: HostStatesTests.one.id, name: "one"), watched: HostStatesTests.one,
            hosts: found.keys.sorted())
        let isReached = if case .reached = outcome { true } else { false }
        return HostsReport(
            thresholds: .init(.above, warning: warning, critical: critical),
            listing: HostListing(cells: [cell], defects: []),
            observations: [
                HostStatesTests.one.id: HostStatesTests.observation(isReached ? found : [:], outcome)
            ]
        ).report
    }

    @Test("A check: thresholds count deaf and absent hosts; slow ones warn; no host that answers fails")
    func check() {
        let three: [String: HostClass] = ["a": .answering, "b": .deaf, "c": .absent]
        #expect(report(["a": .answering, "b": .noPing]).status == .ok)
        #expect(report(["a": .answering, "b": .slow]).status == .warning)
        #expect(report(three).status == .warning)
        #expect(report(three, warning: 2).status == .ok)
        #expect(report(three, warning: 0, critical: 1).status == .failed)
        #expect(report(three, warning: 0, critical: 2).status == .warning)
        #expect(report(["b": .deaf, "c": .absent], warning: 5).status == .failed)
        #expect(
            HostsReport(thresholds: .none, listing: .init(cells: [], defects: []), observations: [:]).report.status
                == .skipped)
        for status in [(0.0, 10.0), (2, 10), (0, 1)].map({ report(three, warning: $0.0, critical: $0.1) }) {
            let advice = status.results.compactMap(\.diagnosis?.advice)
            #expect(advice.isEmpty || advice.contains { $0.contains("--topic compute --exchange nova") })
            for result in status.results {
                #expect((result.diagnosis != nil) == (result.status == .failed || result.status == .warning))
            }
        }
    }

    @Test("A check of an unreachable cell fails, and counts none of its hosts as deaf")
    func unreachable() throws {
        let report = report(["a": .answering], .failed(reason: "refused", isCertain: true))
        #expect(report.status == .failed)
        let measured = report.results.flatMap(\.measurements).filter { $0.name == "troubled" }
        #expect(measured.map(\.value) == [0])
        #expect(report.results.first?.detail == "0 of 1 hosts answer, 1 unreachable")
        #expect(report.results.first?.status == .ok)
    }

    // MARK: Options

    @Test("Spans of time")
    func spans() {
        let good: [(String, Duration)] = [
            ("90", .seconds(90)), ("90s", .seconds(90)), ("2m", .seconds(120)), ("1h", .seconds(3600)),
            ("250ms", .milliseconds(250)), ("1.5", .milliseconds(1500)), (".5s", .milliseconds(500)),
            ("0", .zero), ("0s", .zero),
        ]
        for (text, duration) in good { #expect(TimeSpan(argument: text)?.duration == duration, "\(text)") }
        for text in ["", "s", "-1", "-0", "+1", "inf", "nan", "1d", "1 s", "1e300", "ms"] {
            #expect(TimeSpan(argument: text) == nil, "\(text)")
        }
        #expect(throws: (any Error).self) { try (0 as TimeSpan).validate(as: "--x") }
        #expect(throws: (any Error).self) { try (61 as TimeSpan).validate(as: "--x", to: 60) }
        #expect(throws: Never.self) { try (0 as TimeSpan).validate(as: "--x", from: 0) }
        #expect(throws: Never.self) { try TimeSpan(argument: "1m")?.validate(as: "--x", to: 60) }
    }

    @Test("Metrics are served to this machine alone")
    func addresses() {
        for (text, shown) in [
            ("127.0.0.1:9199", "127.0.0.1:9199"), ("127.1.2.3:0", "127.1.2.3:0"), ("[::1]:80", "[::1]:80"),
            ("localhost:1", "127.0.0.1:1"),
        ] {
            #expect(ListenAddress(text)?.description == shown)
        }
        for text in [
            "", ":9199", "9199", "0.0.0.0:9199", "10.0.0.1:1", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
            "127.0.0.1:-1", "[::]:1", "::1:1", "127.0.0.1.example.org:1", "127.0.0:1", "example.org:1",
        ] {
            #expect(ListenAddress(text) == nil, "\(text)")
        }
    }
}
