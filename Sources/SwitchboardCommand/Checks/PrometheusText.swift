/// A report in Prometheus' text format, for a node exporter's folder of text files.
///
/// The labels have few values: the check, its subjects as they are labelled, steps, and what a step is about.
struct PrometheusText {
    private struct Metric {
        var help: String
        var samples: [String] = []
    }

    let report: CheckReport
    /// When the check ended, in seconds since 1970.
    let time: Double

    var text: String {
        var metrics: [(name: String, metric: Metric)] = []
        func add(_ name: String, _ help: String, _ labels: [(String, String)], _ value: Double) {
            let index =
                metrics.firstIndex { $0.name == name }
                ?? {
                    metrics.append((name, Metric(help: help)))
                    return metrics.count - 1
                }()
            let pairs = labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
            let sample = "\(name){\(pairs)} \(Self.number(value))"
            // What has the same labels is one sample.
            let prefix = "\(name){\(pairs)} "
            if !metrics[index].metric.samples.contains(where: { $0.hasPrefix(prefix) }) {
                metrics[index].metric.samples.append(sample)
            }
        }
        add(
            "switchboard_check_result", "Result of a check: 0 all is well, 1 warnings, 2 something fails, 3 unknown",
            [("check", report.name)], Double(report.status.exitCode))
        add(
            "switchboard_check_timestamp_seconds", "When the check ended, in seconds since 1970",
            [("check", report.name)],
            time)
        for subject in report.subjects {
            let labels = [("check", report.name)] + subject.labels.map { ($0.name, $0.value) }
            for result in subject.results {
                let object = result.object.map { [("object", $0)] } ?? []
                let own = labels + [("step", result.step)] + object
                add(
                    "switchboard_check_step_result",
                    "Result of a check's step: 0 it is well, 1 a warning, 2 it fails, 3 it was skipped", own,
                    Double(result.status.exitCode))
                for measurement in result.measurements {
                    add(
                        "switchboard_check_\(measurement.metricName)", measurement.help, labels + object,
                        measurement.value)
                }
            }
        }
        return metrics.map { name, metric in
            "# HELP \(name) \(metric.help)\n# TYPE \(name) gauge\n" + metric.samples.map { $0 + "\n" }.joined()
        }.joined()
    }

    static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }

    static func number(_ value: Double) -> String {
        if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
        return String(value)
    }
}
