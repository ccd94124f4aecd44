/// How a step of a check ended.
enum CheckStatus: String, Hashable, Sendable, CaseIterable {
    case ok
    case warning
    case failed
    /// It was not looked at; the result says why.
    case skipped

    /// The worst of several; `skipped` when there is nothing else.
    static func worst(of statuses: [CheckStatus]) -> CheckStatus {
        for status in [CheckStatus.failed, .warning, .ok] where statuses.contains(status) { return status }
        return .skipped
    }

    /// The command's exit code: 0 all is well, 1 warnings, 2 something fails, 3 nothing could be checked. Nagios has the same.
    var exitCode: Int32 {
        switch self {
        case .ok: 0
        case .warning: 1
        case .failed: 2
        case .skipped: 3
        }
    }

    /// The mark at the beginning of a line.
    var mark: String {
        switch self {
        case .ok: "✓"
        case .warning: "!"
        case .failed: "✗"
        case .skipped: "–"
        }
    }

    /// Nagios' word for a check that ended so.
    var nagiosWord: String {
        switch self {
        case .ok: "OK"
        case .warning: "WARNING"
        case .failed: "CRITICAL"
        case .skipped: "UNKNOWN"
        }
    }
}
