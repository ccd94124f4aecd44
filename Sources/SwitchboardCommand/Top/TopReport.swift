import StandardStreams
import SwitchboardMessaging

/// What is going on, as a table and as JSON.
struct TopReport: Sendable {
    enum Grouping: String, CaseIterable, Sendable {
        case cell, topic, method
    }

    enum Order: String, CaseIterable, Sendable {
        case calls, latency, errors
        case inFlight = "in-flight"
    }

    struct Row: Sendable {
        var key: TopStatistics.Key
        var counts = TopStatistics.Counts()
        var inFlight = 0

        var errorCount: Int { counts.errors.values.reduce(0, +) }
    }

    /// What waits in a queue.
    struct Backlog: Hashable, Sendable {
        var ready: Int
        var consumers: Int
    }

    let rows: [Row]
    let queues: [(queue: TopStatistics.Queue, backlog: Backlog?, redeliveries: Int)]
    let total: Row
    let seconds: Double
    let missed: Int
    /// In seconds since 1970.
    let time: Double
    private let showsCells: Bool
    /// Whether answers are seen. Else times, errors and what is in flight are unknown rather than none.
    private let seesAnswers: Bool
    /// Whether deliveries are seen. Else redeliveries are unknown.
    private let seesDeliveries: Bool

    init(
        _ totals: TopStatistics.Totals, inFlight: [TopStatistics.Key: Int], backlogs: [TopStatistics.Queue: Backlog],
        grouping: Grouping, order: Order, time: Double, seesAnswers: Bool = true,
        seesDeliveries: Bool = true
    ) {
        self.seesAnswers = seesAnswers
        self.seesDeliveries = seesDeliveries
        var rows: [TopStatistics.Key: Row] = [:]
        var total = Row(key: .init(cell: nil, topic: "", method: nil))
        func group(_ key: TopStatistics.Key) -> TopStatistics.Key {
            switch grouping {
            case .cell: .init(cell: key.cell, topic: "", method: nil)
            case .topic: .init(cell: key.cell, topic: key.topic, method: nil)
            case .method: key
            }
        }
        for (key, counts) in totals.counts {
            let group = group(key)
            rows[group, default: Row(key: group)].counts += counts
            total.counts += counts
        }
        for (key, count) in inFlight {
            let group = group(key)
            rows[group, default: Row(key: group)].inFlight += count
            total.inFlight += count
        }
        self.rows = rows.values.sorted { Self.isFirst($0, $1, order) }
        let names = Set(backlogs.keys).union(totals.redeliveries.keys)
        queues = names.map { ($0, backlogs[$0], totals.redeliveries[$0] ?? 0) }
            .sorted { one, other in
                (other.1?.ready ?? 0, other.2, one.0.cell ?? "", one.0.name)
                    < (one.1?.ready ?? 0, one.2, other.0.cell ?? "", other.0.name)
            }
        self.total = total
        seconds = totals.seconds
        missed = totals.missed
        self.time = time
        showsCells = grouping == .cell || rows.keys.contains { $0.cell != nil }
    }

    private static func isFirst(_ one: Row, _ other: Row, _ order: Order) -> Bool {
        func weight(_ row: Row) -> Double {
            switch order {
            case .calls: Double(row.counts.calls + row.counts.others)
            case .latency: (row.counts.latencies.percentile(0.99) ?? .zero) / .microseconds(1)
            case .errors: Double(row.errorCount)
            case .inFlight: Double(row.inFlight)
            }
        }
        let (first, second) = (weight(one), weight(other))
        if first != second { return first > second }
        return (one.key.cell ?? "", one.key.topic, one.key.method ?? "")
            < (other.key.cell ?? "", other.key.topic, other.key.method ?? "")
    }

    // MARK: Text

    /// Lines of a table, without what isn't shown.
    func lines() -> [String] {
        var lines = [
            "\(TapText.clock(time)) UTC  \(rate(total.counts.calls)) calls/s  \(rate(total.counts.others)) others/s  "
                + "p99 \(text(total.counts.latencies.percentile(0.99)))  \(known(total.inFlight)) in flight  "
                + "\(known(total.errorCount)) errors in \(Int(seconds.rounded())) s"
                + (missed > 0 ? "  \(missed) messages missed" : ""), "",
        ]
        lines += Self.table(
            [["CELL", "TOPIC", "METHOD", "CALLS/S", "OTHERS/S", "P50", "P95", "P99", "IN FLIGHT", "ERRORS"]]
                + rows.map(cells),
            numbers: 3..<9, hidden: hiddenColumns)
        if !queues.isEmpty {
            lines.append("")
            lines += Self.table(
                [["CELL", "QUEUE", "WAITING", "CONSUMERS", "REDELIVERED"]]
                    + queues.map { queue, backlog, redeliveries in
                        [
                            queue.cell ?? "-", queue.name, backlog.map { "\($0.ready)" } ?? "-",
                            backlog.map { "\($0.consumers)" } ?? "-", seesDeliveries ? "\(redeliveries)" : "-",
                        ]
                    }, numbers: 2..<5, hidden: showsCells ? [] : [0])
        }
        return lines
    }

    private var hiddenColumns: Set<Int> {
        var hidden: Set<Int> = showsCells ? [] : [0]
        if rows.allSatisfy({ $0.key.topic.isEmpty }) { hidden.insert(1) }
        if rows.allSatisfy({ $0.key.method == nil }) { hidden.insert(2) }
        return hidden
    }

    private func cells(_ row: Row) -> [String] {
        let errors = row.counts.errors.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .map { "\($0.value) \($0.key.split(separator: ".").last.map(String.init) ?? $0.key)" }
        return [
            row.key.cell ?? "-", row.key.topic, row.key.method ?? "", rate(row.counts.calls), rate(row.counts.others),
            text(row.counts.latencies.percentile(0.5)), text(row.counts.latencies.percentile(0.95)),
            text(row.counts.latencies.percentile(0.99)), known(row.inFlight),
            seesAnswers ? errors.joined(separator: ", ") : "-",
        ]
    }

    private func rate(_ count: Int) -> String { Self.tenths(Double(count) / seconds) }

    private func text(_ duration: Duration?) -> String {
        duration.map { Self.tenths($0.milliseconds) + " ms" } ?? "-"
    }

    private static func tenths(_ number: Double) -> String {
        number < 100 ? "\((number * 10).rounded() / 10)" : "\(Int(number.rounded()))"
    }

    private static func table(_ rows: [[String]], numbers: Range<Int>, hidden: Set<Int>) -> [String] {
        let columns = (rows.first?.indices).map(Array.init)?.filter { !hidden.contains($0) } ?? []
        let rows = rows.map { $0.map(\.printable) }
        let widths = columns.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let line = zip(columns, widths).map { column, width in
                let padding = String(repeating: " ", count: width - row[column].count)
                return numbers.contains(column) ? padding + row[column] : row[column] + padding
            }.joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
    }

    private func known(_ count: Int) -> String { seesAnswers ? "\(count)" : "-" }

    // MARK: JSON

    private func known(_ value: JSONValue) -> JSONValue { seesAnswers ? value : .null }

    var object: JSONObject {
        var object = JSONObject()
        object["time"] = .double((time * 1000).rounded() / 1000)
        object["seconds"] = .double((seconds * 1000).rounded() / 1000)
        object["total"] = .object(self.object(of: total))
        object["rows"] = .array(rows.map { .object(self.object(of: $0)) })
        object["queues"] = .array(
            queues.map { queue, backlog, redeliveries in
                var object = JSONObject()
                if let cell = queue.cell { object["cell"] = .string(cell) }
                object["queue"] = .string(queue.name)
                if let backlog {
                    object["waiting"] = JSONValue(backlog.ready)
                    object["consumers"] = JSONValue(backlog.consumers)
                }
                object["redelivered"] = seesDeliveries ? JSONValue(redeliveries) : .null
                return .object(object)
            })
        object["missed"] = JSONValue(missed)
        return object
    }

    private func object(of row: Row) -> JSONObject {
        var object = JSONObject()
        if let cell = row.key.cell { object["cell"] = .string(cell) }
        if !row.key.topic.isEmpty { object["topic"] = .string(row.key.topic) }
        if let method = row.key.method { object["method"] = .string(method) }
        object["calls"] = JSONValue(row.counts.calls)
        object["others"] = JSONValue(row.counts.others)
        object["calls_per_second"] = .double((Double(row.counts.calls) / seconds * 1000).rounded() / 1000)
        for (name, share) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
            guard let time = row.counts.latencies.percentile(share) else { continue }
            object["\(name)_milliseconds"] = .double((time.milliseconds * 1000).rounded() / 1000)
        }
        object["in_flight"] = known(JSONValue(row.inFlight))
        var errors = JSONObject()
        for (name, count) in row.counts.errors.sorted(by: { $0.key < $1.key }) { errors[name] = JSONValue(count) }
        object["errors"] = known(.object(errors))
        return object
    }
}
