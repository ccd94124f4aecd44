public import SwitchboardCore

/// The matrix driver × law: what each driver claims, and which law holds for it.
public struct ConformanceReport: Sendable {
    /// What a law came to with a driver.
    public enum Verdict: Sendable, Hashable {
        case holds
        case notClaimed
        /// The driver claims it, and its harness has nothing to show it by.
        case unproven(reason: String)
        case broken(finding: String)
    }

    /// One driver's column.
    public struct Column: Sendable {
        public var subject: ConformanceSubject
        public var claims: DriverCapabilities
        /// One verdict for each law of the report, in their order.
        public var verdicts: [Verdict]

        public init(subject: ConformanceSubject, claims: DriverCapabilities, verdicts: [Verdict]) {
            self.subject = subject
            self.claims = claims
            self.verdicts = verdicts
        }
    }

    public let laws: [DriverLaw]
    public let columns: [Column]

    public init(laws: [DriverLaw], columns: [Column]) {
        for column in columns {
            precondition(column.verdicts.count == laws.count, "\(column.subject.name) needs a verdict for each law.")
        }
        self.laws = laws
        self.columns = columns
    }

    /// What is wrong, a sentence each: broken laws, and claims that nothing proves. Empty when every claim is kept.
    public var failures: [String] {
        columns.flatMap { column in
            zip(laws, column.verdicts).compactMap { law, verdict in
                switch verdict {
                case .holds, .notClaimed: nil
                case .unproven(let reason): "\(column.subject.name): \"\(law)\" is unproven: \(reason)."
                case .broken(let finding): "\(column.subject.name): \"\(law)\" is broken: \(finding)"
                }
            }
        }
    }

    /// The matrix, for a terminal: a line for each law.
    public var matrix: String {
        let width = laws.map(\.name.count).max() ?? 0
        var text = ""
        for (index, column) in columns.enumerated() {
            text += String(repeating: "  │", count: index) + "  ┌ \(column.subject.name)\n"
        }
        var group: DriverLaw.Group?
        for (row, law) in laws.enumerated() {
            if law.group != group {
                group = law.group
                text += "\(String(repeating: "  │", count: columns.count))  \(law.group.rawValue)\n"
            }
            for column in columns { text += "  \(column.verdicts[row].mark)" }
            text += "    \(law.name)"
            if !law.capabilities.isEmpty {
                text += String(repeating: " ", count: width - law.name.count)
                text += "  (\(law.capabilities.names.joined(separator: ", ")))"
            }
            text += "\n"
        }
        return text + "\n  ✓ holds   · not claimed   ? claimed and unproven   ✗ broken\n"
    }

    /// The table of drivers, in Markdown: what each claims, and how many laws it keeps.
    public var table: String {
        let headings =
            ["URL", "product"] + DriverCapabilities.all.map { "`\($0.name)`" } + ["laws kept", "needs"]
        var lines = [Self.line(headings), Self.line(headings.map { _ in "---" })]
        for column in columns {
            let claims = DriverCapabilities.all.map { column.claims.contains($0.capability) ? "✓" : "–" }
            let kept = column.verdicts.count { $0 == .holds }
            let binding = column.verdicts.count { $0 != .notClaimed }
            lines.append(
                Self.line(
                    [column.subject.urls, column.subject.product] + claims
                        + ["\(kept) of \(binding)", column.subject.needs]))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func line(_ cells: [String]) -> String {
        "| \(cells.joined(separator: " | ")) |"
    }
}

extension ConformanceReport.Verdict {
    fileprivate var mark: String {
        switch self {
        case .holds: "✓"
        case .notClaimed: "·"
        case .unproven: "?"
        case .broken: "✗"
        }
    }
}
