import SwitchboardCore

/// One step of a check, and what came of it.
struct CheckResult: Hashable, Sendable {
    /// What a failure or a warning is about, for people who didn't build the bus.
    struct Diagnosis: Hashable, Sendable {
        /// What it means.
        let meaning: String
        /// What to do.
        let advice: String

        init(_ meaning: String, do advice: String) {
            self.meaning = Secret.masked(in: meaning)
            self.advice = Secret.masked(in: advice)
        }
    }

    /// The step, one of few words: `tcp`. A label of metrics.
    let step: String
    /// What it is about where a step is done several times: a host, a queue. A label of metrics, so one of few.
    let object: String?
    private(set) var status: CheckStatus
    /// What was found, or why it was skipped: a clause.
    let detail: String
    /// With every warning and failure.
    let diagnosis: Diagnosis?
    var measurements: [CheckMeasurement]

    private init(
        _ step: String, _ object: String?, _ status: CheckStatus, _ detail: String, _ diagnosis: Diagnosis?,
        _ measurements: [CheckMeasurement]
    ) {
        self.step = step
        self.object = object.map { Secret.masked(in: $0) }
        self.status = status
        self.detail = Secret.masked(in: detail)
        self.diagnosis = diagnosis
        self.measurements = measurements
    }

    static func ok(
        _ step: String, of object: String? = nil, _ detail: String, _ measurements: [CheckMeasurement] = []
    ) -> CheckResult {
        CheckResult(step, object, .ok, detail, nil, measurements)
    }

    static func warning(
        _ step: String, of object: String? = nil, _ detail: String, _ diagnosis: Diagnosis,
        _ measurements: [CheckMeasurement] = []
    ) -> CheckResult {
        CheckResult(step, object, .warning, detail, diagnosis, measurements)
    }

    static func failed(
        _ step: String, of object: String? = nil, _ detail: String, _ diagnosis: Diagnosis,
        _ measurements: [CheckMeasurement] = []
    ) -> CheckResult {
        CheckResult(step, object, .failed, detail, diagnosis, measurements)
    }

    static func skipped(_ step: String, of object: String? = nil, because reason: String) -> CheckResult {
        CheckResult(step, object, .skipped, reason, nil, [])
    }

    /// What was measured against its thresholds: as well, as a warning or as a failure.
    static func measured(
        _ step: String, of object: String? = nil, _ detail: String, _ measurements: [CheckMeasurement],
        otherwise diagnosis: Diagnosis
    ) -> CheckResult {
        let status = CheckStatus.worst(of: measurements.map(\.status))
        let isWell = status == .ok || status == .skipped
        return CheckResult(step, object, isWell ? .ok : status, detail, isWell ? nil : diagnosis, measurements)
    }

    /// The same with a failure as a warning: something else does the work.
    func tolerated() -> CheckResult {
        var result = self
        if result.status == .failed { result.status = .warning }
        return result
    }
}
