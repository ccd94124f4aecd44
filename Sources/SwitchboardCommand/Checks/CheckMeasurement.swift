/// A number that a check has measured, with the thresholds that it is held against.
struct CheckMeasurement: Hashable, Sendable {
    /// Base units, which metrics are in.
    enum Unit: String, Hashable, Sendable {
        case seconds, messages, consumers, hosts
    }

    /// What it is: `round_trip`, `backlog`. With the unit behind it, it is a metric's name.
    let name: String
    let unit: Unit
    let value: Double
    let thresholds: CheckThresholds
    /// What the metric is, in a sentence without a full stop.
    let help: String

    init(_ name: String, _ unit: Unit, _ value: Double, _ thresholds: CheckThresholds = .none, help: String) {
        self.name = name
        self.unit = unit
        self.value = value
        self.thresholds = thresholds
        self.help = help
    }

    var status: CheckStatus { thresholds.status(of: value) }

    /// With the unit at its end: `round_trip_seconds`, `consumers`.
    var metricName: String { name == unit.rawValue ? name : "\(name)_\(unit.rawValue)" }
}

/// From where on a number is a warning, and from where on a failure.
struct CheckThresholds: Hashable, Sendable {
    enum Direction: Hashable, Sendable {
        /// Large numbers are bad: a backlog.
        case above
        /// Small numbers are bad: what is left of a certificate.
        case below
    }

    let direction: Direction
    let warning: Double?
    let critical: Double?

    static let none = CheckThresholds(.above, warning: nil, critical: nil)

    init(_ direction: Direction, warning: Double?, critical: Double?) {
        self.direction = direction
        self.warning = warning
        self.critical = critical
    }

    /// A threshold is passed when the number is beyond it, as with Nagios' plug-ins.
    func status(of value: Double) -> CheckStatus {
        func isPassed(_ threshold: Double?) -> Bool {
            guard let threshold else { return false }
            return direction == .above ? value > threshold : value < threshold
        }
        return isPassed(critical) ? .failed : isPassed(warning) ? .warning : .ok
    }
}
