import SwitchboardCore
import SwitchboardMessaging

/// What a measurement has found, as text and as JSON. A value without I/O.
struct BenchResult: Sendable {
    let kind: BenchServing.Kind
    let load: BenchLoad
    let concurrency: Int
    let span: Duration
    let tally: BenchTally
    let arrivals: BenchServing.Arrivals
    /// Of this process while it measured: the client's and the server's part.
    let processorTime: Duration
    let isInterrupted: Bool

    /// Messages that the queue had accepted and that didn't arrive.
    var lost: Int { kind == .calls ? 0 : max(0, tally.succeeded - arrivals.latencies.count) }

    /// Whether each request was done, and nobody else's came.
    var isClean: Bool { tally.failed == 0 && lost == 0 && arrivals.strangers == 0 }

    var rate: Double { tally.elapsed > .zero ? Double(tally.succeeded) / (tally.elapsed / .seconds(1)) : 0 }

    private var processorTimeEach: Duration? { tally.succeeded > 0 ? processorTime / tally.succeeded : nil }

    private static let percentiles: [(name: String, value: Double)] = [
        ("p50", 50), ("p90", 90), ("p99", 99), ("p99.9", 99.9), ("p99.99", 99.99),
    ]

    // MARK: Text

    var lines: [String] {
        var lines = [
            "requests   \(tally.succeeded) \(kind.rawValue) in \(seconds(tally.elapsed)): \(Self.text(rate)) a second"
        ]
        if isInterrupted { lines.append("           interrupted: that is what there was until then") }
        if tally.failed > 0 {
            let codes = tally.failures.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
            lines.append("failed     \(tally.failed) (\(codes.joined(separator: ", ")))")
        }
        if tally.late > 0 {
            lines.append(
                "too late   \(tally.late) were due and hadn't begun at the end: the queue can't keep this rate")
        }
        if lost > 0 { lines.append("lost       \(lost) were accepted and didn't arrive") }
        if arrivals.strangers > 0 {
            lines.append("strangers  \(arrivals.strangers) requests of other programs came to this topic")
        }
        lines.append((kind == .calls ? "latency    " : "accepted   ") + Self.text(of: tally.latencies))
        if kind != .calls { lines.append("arrived    " + Self.text(of: arrivals.latencies)) }
        if let each = processorTimeEach {
            lines.append("processor  \(Self.text(each)) a request, client and server together")
        }
        return lines
    }

    /// A line for each part of a ramp.
    var table: Table? {
        guard load.isRamp else { return nil }
        var table = Table("ASKED/S", "DONE/S", "P50", "P90", "P99", "P99.9", "MAX", "FAILED")
        let part = span / .seconds(1) / Double(tally.steps.count)
        for (index, step) in tally.steps.enumerated() {
            let latencies = step.latencies
            table.add(
                load.rate(inStep: index, of: tally.steps.count).map { Self.text($0) },
                Self.text(Double(latencies.count) / part), latencies.percentile(50).map(Self.text),
                latencies.percentile(90).map(Self.text), latencies.percentile(99).map(Self.text),
                latencies.percentile(99.9).map(Self.text), latencies.maximum.map(Self.text), "\(step.failed)")
        }
        return table
    }

    private static func text(of latencies: LatencyHistogram) -> String {
        guard let maximum = latencies.maximum else { return "-" }
        let parts = percentiles.compactMap { name, value in latencies.percentile(value).map { "\(name) \(text($0))" } }
        return (parts + ["max \(text(maximum))"]).joined(separator: "  ")
    }

    /// `12 µs`, `1.23 ms`, `4.57 s`.
    private static func text(_ time: Duration) -> String {
        let microseconds = time / .microseconds(1)
        func rounded(_ number: Double) -> Double { (number * 100).rounded() / 100 }
        if microseconds < 1000 { return "\(Int(microseconds.rounded())) µs" }
        if microseconds < 1e6 { return "\(rounded(microseconds / 1000)) ms" }
        return "\(rounded(microseconds / 1e6)) s"
    }

    private static func text(_ rate: Double) -> String {
        rate < 100 ? "\((rate * 10).rounded() / 10)" : "\(Int(rate.rounded()))"
    }

    private func seconds(_ time: Duration) -> String { "\((time / .seconds(1) * 10).rounded() / 10) s" }

    // MARK: JSON

    var report: JSONObject {
        var report = JSONObject()
        report["kind"] = .string(kind.rawValue)
        switch load {
        case .asFastAsReplied: report["asked_per_second"] = .null
        case .rate(let first, let last):
            report["asked_per_second"] = first == last ? .double(first) : .array([.double(first), .double(last)])
        }
        report["concurrency"] = JSONValue(concurrency)
        report["seconds"] = .double(tally.elapsed / .seconds(1))
        report["interrupted"] = .bool(isInterrupted)
        report["requests"] = JSONValue(tally.succeeded)
        report["per_second"] = .double(rate)
        report["failed"] = JSONValue(tally.failed)
        var failures = JSONObject()
        for (code, count) in tally.failures.sorted(by: { $0.key < $1.key }) { failures[code] = JSONValue(count) }
        report["failures"] = .object(failures)
        report["too_late"] = JSONValue(tally.late)
        report["strangers"] = JSONValue(arrivals.strangers)
        report["latency_ms"] = Self.report(of: tally.latencies)
        if kind != .calls {
            report["lost"] = JSONValue(lost)
            report["arrival_ms"] = Self.report(of: arrivals.latencies)
        }
        report["processor_us_per_request"] = processorTimeEach.map { .double($0 / .microseconds(1)) } ?? .null
        if load.isRamp {
            report["steps"] = .array(
                tally.steps.enumerated().map { index, step in
                    [
                        "asked_per_second": load.rate(inStep: index, of: tally.steps.count).map { .double($0) }
                            ?? .null,
                        "requests": JSONValue(step.latencies.count), "failed": JSONValue(step.failed),
                        "latency_ms": Self.report(of: step.latencies),
                    ]
                })
        }
        report["histogram"] = .array(
            tally.latencies.buckets.map { bucket in
                ["up_to_ns": .integer(Int64(clamping: bucket.upperBound)), "count": JSONValue(bucket.count)]
            })
        return report
    }

    private static func report(of latencies: LatencyHistogram) -> JSONValue {
        var report = JSONObject()
        func add(_ name: String, _ time: Duration?) {
            report[name] = time.map { .double($0 / .milliseconds(1)) } ?? .null
        }
        add("min", latencies.minimum)
        add("mean", latencies.mean)
        for (name, value) in percentiles { add(name, latencies.percentile(value)) }
        add("max", latencies.maximum)
        return .object(report)
    }
}
