/// A report as Nagios' plug-ins print theirs: a line with a status and, behind `|`, performance data; then a line for each step.
struct NagiosText {
    let report: CheckReport

    var lines: [String] {
        let data = performanceData
        let first = "\(report.name.uppercased()) \(report.status.nagiosWord) - \(Self.clean(summary))"
        return [data.isEmpty ? first : "\(first) | \(data)"] + report.subjects.flatMap(details)
    }

    /// The first thing that is wrong, as that is its cause.
    private var summary: String {
        let statuses = report.status == .skipped ? [CheckStatus.skipped] : [.failed, .warning]
        for status in statuses {
            for subject in report.subjects {
                guard let result = subject.results.first(where: { $0.status == status }) else { continue }
                return "\(subject.title): \(Self.title(result)): \(result.detail)"
            }
        }
        return CheckText(report: report).summary
    }

    private func details(_ subject: CheckReport.Subject) -> [String] {
        subject.results.map { result in
            let advice = result.diagnosis.map { " - \($0.advice)" } ?? ""
            return Self.clean(
                "\(result.status == .skipped ? "SKIPPED" : result.status.nagiosWord) \(subject.title): \(Self.title(result)): \(result.detail)\(advice)"
            )
        }
    }

    private static func title(_ result: CheckResult) -> String {
        [result.step, result.object].compactMap(\.self).joined(separator: " ")
    }

    /// A bar would begin performance data.
    private static func clean(_ text: String) -> String {
        text.replacing("|", with: "/")
    }

    /// `'one backlog compute'=12;100;1000;0`; no label twice.
    private var performanceData: String {
        var seen: Set<String> = []
        var data: [String] = []
        for subject in report.subjects {
            for result in subject.results {
                for measurement in result.measurements {
                    let parts = subject.labels.map(\.value) + [measurement.name] + [result.object].compactMap(\.self)
                    let label = Self.clean(parts.joined(separator: " ")).replacing("'", with: "").replacing(
                        "=", with: "")
                    guard seen.insert(label).inserted else { continue }
                    data.append(Self.datum(label, measurement))
                }
            }
        }
        return data.joined(separator: " ")
    }

    private static func datum(_ label: String, _ measurement: CheckMeasurement) -> String {
        let unit =
            switch measurement.unit {
            case .seconds: "s"
            case .bytes: "B"
            case .messages, .consumers, .hosts, .queues, .messagesPerSecond: ""
            }
        func range(_ threshold: Double?) -> String {
            guard let threshold else { return "" }
            let text = number(threshold)
            return measurement.thresholds.direction == .below ? "\(text):" : text
        }
        let (warning, critical) = (range(measurement.thresholds.warning), range(measurement.thresholds.critical))
        return "'\(label)'=\(number(measurement.value))\(unit);\(warning);\(critical)"
    }

    /// Whole numbers without a point; others to a microsecond.
    private static func number(_ value: Double) -> String {
        if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
        return String((value * 1e6).rounded() / 1e6)
    }
}
