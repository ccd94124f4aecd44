/// A report for people: one line a step, and below it what a warning or a failure means and what to do.
struct CheckText {
    let report: CheckReport

    var lines: [String] {
        var lines: [String] = []
        for (index, subject) in report.subjects.enumerated() {
            if index > 0 { lines.append("") }
            lines.append(subject.title)
            let width = subject.results.map { Self.title($0).count }.max() ?? 0
            for result in subject.results {
                let title = Self.title(result)
                let padding = String(repeating: " ", count: width - title.count)
                lines.append("  \(result.status.mark) \(title)\(padding)  \(result.detail)")
                guard let diagnosis = result.diagnosis else { continue }
                lines.append("      \(diagnosis.meaning)")
                lines.append("      → \(diagnosis.advice)")
            }
        }
        lines += ["", summary]
        return lines
    }

    private static func title(_ result: CheckResult) -> String {
        [result.step, result.object].compactMap(\.self).joined(separator: " ")
    }

    /// `All is well: 14 steps, 2 skipped.`
    var summary: String {
        let (failed, warnings) = (report.count(.failed), report.count(.warning))
        let count = report.results.count - report.count(.skipped)
        var parts = ["\(count) \(count == 1 ? "step" : "steps")"]
        if failed > 0 { parts.append("\(failed) failed") }
        if warnings > 0 { parts.append("\(warnings) \(warnings == 1 ? "warning" : "warnings")") }
        if report.count(.skipped) > 0 { parts.append("\(report.count(.skipped)) skipped") }
        let verdict =
            switch report.status {
            case .ok: "All is well"
            case .warning: "It works, with warnings"
            case .failed: "Something fails"
            case .skipped: "Nothing could be checked"
            }
        return "\(verdict): \(parts.joined(separator: ", "))."
    }
}
