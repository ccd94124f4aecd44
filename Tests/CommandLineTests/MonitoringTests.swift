import Foundation
import SwitchboardMessaging
import Testing

/// The dashboard and the alerts name metrics and labels that the code exports, and nothing that the library exports is forgotten.
@Suite("Dashboard and alerts", .timeLimit(.minutes(5)))
struct MonitoringTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    private static let folder = root.appendingPathComponent("Examples/Monitoring")

    private static func text(_ name: String) throws -> String {
        try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
    }

    // MARK: What is named

    /// All queries of the dashboard.
    private static func dashboardQueries() throws -> [String] {
        func queries(in value: JSONValue) -> [String] {
            switch value {
            case .array(let elements): elements.flatMap(queries)
            case .object(let object):
                object.flatMap { key, value in
                    if key == "expr", let text = value.string { [text] } else { queries(in: value) }
                }
            default: []
            }
        }
        return queries(in: try JSONValue(parsing: Array(try text("dashboard.json").utf8)))
    }

    private static func alertQueries() throws -> [String] {
        try text("alerts.yml").split(separator: "\n").compactMap { line in
            line.firstRange(of: "expr: ").map { String(line[$0.upperBound...]) }
        }
    }

    /// The metrics and the labels of a query.
    private static func names(in query: String) -> (metrics: Set<String>, labels: Set<String>) {
        var labels: Set<String> = []
        var rest = query
        for selector in query.matches(of: /\{([^}]*)\}/) {
            for label in selector.1.matches(of: /([a-z_]+)\s*(?:=|!)/) { labels.insert(String(label.1)) }
        }
        rest.replace(/\{[^}]*\}/, with: "")
        for group in rest.matches(of: /\bby \(([^)]*)\)/) {
            for label in group.1.matches(of: /[a-z_]+/) { labels.insert(String(label.0)) }
        }
        rest.replace(/\bby \([^)]*\)/, with: "")
        let metrics = rest.matches(of: /\b(?:switchboard|rpc|messaging)_[a-z0-9_]+/).map { String($0.0) }
        return (Set(metrics), labels)
    }

    // MARK: What is exported

    private static let sources: [(path: String, text: String)] = {
        ["Sources", "Plugins"].flatMap { folder -> [(String, String)] in
            let files = FileManager.default.enumerator(
                at: root.appendingPathComponent(folder), includingPropertiesForKeys: nil)
            return (files?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == "swift" }
                .compactMap { url in (try? String(contentsOf: url, encoding: .utf8)).map { (url.path, $0) } }
        }
    }()

    /// Those of the library, as swift-prometheus names them.
    private static let library: Set<String> = {
        var names: Set<String> = []
        for (_, text) in sources {
            for made in text.matches(of: /\b(Counter|Timer|Gauge|Meter)\(\s*label: "([a-z._]+)"/) {
                names.formUnion(series(String(made.2), isTimer: made.1 == "Timer"))
            }
            guard text.contains("enum Instrument") else { continue }
            for instrument in text.matches(of: /case \w+ = "([a-z._]+)"/) {
                names.formUnion(series(String(instrument.1), isTimer: instrument.1.hasSuffix(".duration")))
            }
        }
        return names
    }()

    private static func series(_ name: String, isTimer: Bool) -> [String] {
        let name = name.replacing(".", with: "_")
        return isTimer ? ["\(name)_bucket", "\(name)_count", "\(name)_sum"] : [name]
    }

    /// Those of `switchboard watch`.
    private static let watch: Set<String> = {
        let text = sources.first { $0.path.hasSuffix("/Watch/WatchMetrics.swift") }?.text ?? ""
        let whole = text.matches(of: /"(switchboard_watch_[a-z_]+)"/).map { String($0.1) }
        let ends = text.matches(of: /\bone\(\s*"([a-z_]+)"/).map { "switchboard_watch_\($0.1)" }
        return Set(whole + ends)
    }()

    /// Those of checks.
    private static let checks: Set<String> = {
        var names: Set<String> = []
        for (path, text) in sources {
            for made in text.matches(of: /CheckMeasurement\(\s*"([a-z_]+)",\s*\.(\w+)/) {
                let name = made.1 == made.2 ? String(made.1) : "\(made.1)_\(made.2)"
                names.insert("switchboard_check_\(name)")
            }
            if path.hasSuffix("/PrometheusText.swift") {
                for made in text.matches(of: /"(switchboard_check_[a-z_]+)"/) { names.insert(String(made.1)) }
            }
        }
        return names
    }()

    private static var all: Set<String> { library.union(watch).union(checks) }

    // MARK: Tests

    @Test("The code's metrics are found")
    func exported() {
        for name in [
            "rpc_client_call_duration_bucket", "messaging_client_sent_messages", "switchboard_client_calls_in_flight",
            "switchboard_rabbitmq_connections_lost", "switchboard_rabbitmq_blocked_duration_sum",
            "switchboard_cells_lines",
        ] {
            #expect(Self.library.contains(name), "\(name)")
        }
        #expect(Self.watch.isSuperset(of: ["switchboard_watch_hosts", "switchboard_watch_sweeps_total"]))
        #expect(Self.checks.isSuperset(of: ["switchboard_check_result", "switchboard_check_round_trip_seconds"]))
        #expect(Self.checks.contains("switchboard_check_consumers"))
    }

    @Test("Each metric and each label that the dashboard or an alert names is exported")
    func named() throws {
        let queries = try Self.dashboardQueries() + Self.alertQueries()
        #expect(queries.count > 60)
        // Those of Prometheus itself, and those whose names are in the sources, with dots there.
        let prometheus: Set<String> = ["le", "job"]
        let literals = Set(
            Self.sources.flatMap { $0.text.matches(of: /"([a-z._]+)"/).map { String($0.1).replacing(".", with: "_") } })
        for query in queries {
            let (metrics, labels) = Self.names(in: query)
            #expect(!metrics.isEmpty, "\(query)")
            #expect(metrics.subtracting(Self.all).isEmpty, "\(query)")
            #expect(labels.subtracting(prometheus).subtracting(literals).isEmpty, "\(query)")
        }
    }

    @Test("Each metric of the library and of watch is on the dashboard")
    func complete() throws {
        let shown = try Self.dashboardQueries().reduce(into: Set<String>()) { $0.formUnion(Self.names(in: $1).metrics) }
        // Of a histogram one of its series is enough.
        func stem(_ name: String) -> String { name.replacing(/_(bucket|count|sum)$/, with: "") }
        let missing = Set(Self.library.union(Self.watch).map(stem)).subtracting(shown.map(stem))
        #expect(missing.isEmpty)
    }

    @Test("The dashboard's panels have titles, descriptions and places that don't overlap")
    func panels() throws {
        let dashboard = try JSONValue(parsing: Array(try Self.text("dashboard.json").utf8))
        guard case .array(let panels)? = dashboard["panels"] else { throw RPCError(.invalidReply, "No panels.") }
        var taken: Set<[Int64]> = []
        for panel in panels {
            let place = panel["gridPos"]
            let (x, y) = (try #require(place?["x"]?.integer), try #require(place?["y"]?.integer))
            let (w, h) = (try #require(place?["w"]?.integer), try #require(place?["h"]?.integer))
            #expect(x >= 0 && w > 0 && x + w <= 24 && panel["title"]?.string?.isEmpty == false)
            for row in y..<y + h {
                for column in x..<x + w { #expect(taken.insert([column, row]).inserted, "\(panel["title"] ?? .null)") }
            }
            if panel["type"] != "row" { #expect(panel["description"]?.string?.hasSuffix(".") == true) }
        }
        let ids = panels.compactMap { $0["id"]?.integer }
        #expect(Set(ids).count == panels.count)
    }

    @Test("promtool accepts the rules, and each fires where it should and not where it shouldn't")
    func promtool() throws {
        let program = try Program()
        let tool = ProcessInfo.processInfo.environment["SWITCHBOARD_PROMTOOL"] ?? "promtool"
        for arguments in ["check rules alerts.yml", "test rules alerts-tests.yml"] {
            let checked = try program.shell("cd '\(Self.folder.path)' && '\(tool)' \(arguments)")
            #expect(
                checked.status == 0, "promtool is in Debian's package prometheus. \(checked.output)\(checked.errors)")
            #expect(checked.output.contains("SUCCESS"), "\(checked.output)\(checked.errors)")
        }
    }

    @Test("Each alert has a test in which it fires, and one in which it doesn't")
    func tested() throws {
        let alerts = try Self.text("alerts.yml").matches(of: /- alert: (\w+)/).map { String($0.1) }
        #expect(alerts.count > 20 && Set(alerts).count == alerts.count)
        let tests = try Self.text("alerts-tests.yml")
        for alert in alerts {
            let (firing, silent) = (
                tests.contains("alertname: \(alert)\n        exp_alerts:\n          - exp_labels:"),
                tests.contains("alertname: \(alert)\n        exp_alerts: []")
            )
            #expect(firing && silent, "\(alert)")
        }
    }
}
