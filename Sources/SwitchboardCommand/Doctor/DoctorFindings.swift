/// What a doctor has found so far, and what keeps it from going on.
struct DoctorFindings: Sendable {
    private(set) var results: [CheckResult] = []
    /// The step that failed so that later ones can't work.
    private(set) var obstacle: String?

    /// Adds a result. What failed keeps later steps from running, unless told otherwise.
    mutating func add(_ result: CheckResult, isObstacle: Bool = true) {
        results.append(result)
        if result.status == .failed, isObstacle, obstacle == nil { obstacle = result.step }
    }

    mutating func add(_ others: [CheckResult]) {
        for result in others { add(result, isObstacle: false) }
    }

    /// Names what later steps wait for in vain.
    mutating func stop(because step: String) {
        obstacle = obstacle ?? step
    }

    /// Adds steps that can't run.
    mutating func skip(_ steps: [DoctorStep], because reason: String) {
        for step in steps { results.append(.skipped(step.rawValue, because: reason)) }
    }
}

/// The steps, in their order.
enum DoctorStep: String, CaseIterable, Sendable {
    case url, resolve, tcp, tls, login
    case virtualHost = "virtual-host"
    case version, features, alarms, permissions, exchange, queue, consumers, backlog
    case roundTrip = "round-trip"
    case ping, clock

    /// With a topic only.
    static let ofTopic: [DoctorStep] = [.exchange, .queue, .consumers, .backlog]
}
