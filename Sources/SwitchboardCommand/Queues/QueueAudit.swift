import SwitchboardCore

#if RabbitMQ
    import SwitchboardRabbitMQ
#endif

/// Looks at the queues and exchanges of one virtual host.
struct QueueAudit: QueueExaminer {
    /// The steps, in their order.
    enum Step: String, CaseIterable, Sendable {
        case url, login, list, topic, declared, notifications, unserved, leftovers, orphaned, replicas
    }

    /// What must be there.
    var topics: [Topic] = []
    var servers: [String] = []
    /// Besides those that are known by their name.
    var notificationTopics: [String] = []
    /// How far two looks are apart; 0: one look.
    var growth = Duration.zero
    /// How many replicas are wanted, where it isn't each queue's own matter.
    var replicas: Int?
    /// How many names a line has.
    var mostNames = 5
    /// How long each answer may take.
    var timeout = Duration.seconds(10)
    var thresholds = QueueAuditThresholds.Values()
    var management = ManagementOptions.Choice.none

    func look(at url: TransportURL, _ findings: DoctorFindings) async -> [CheckResult] {
        var findings = findings
        #if RabbitMQ
            if RabbitMQTopology.schemes.contains(url.scheme) {
                await RabbitMQAudit(audit: self, url: url).look(&findings)
                return findings.results
            }
        #endif
        findings.add(
            .failed(
                "url", "\(url.scheme):// has no queues that an audit could look at",
                .init("Only brokers keep queues; an audit is for RabbitMQ's.", do: "Give a rabbit:// URL.")))
        return skippingAll(findings)
    }

    func skippingAll(_ findings: DoctorFindings) -> [CheckResult] {
        let done = findings.results.last.flatMap { Step(rawValue: $0.step) }
        let rest = Step.allCases.drop { step in done != nil && step != done }.dropFirst(done == nil ? 0 : 1)
        let reason = "\(findings.obstacle ?? "the mapping") failed"
        return findings.results + rest.map { .skipped($0.rawValue, because: reason) }
    }

    /// `compute, compute.host1 and 3 more`, in the order of their letters.
    func list(_ names: [String]) -> String {
        let sorted = names.sorted()
        guard mostNames > 0 else { return Self.count(sorted.count, "queue") }
        let rest = sorted.count - mostNames
        return sorted.prefix(mostNames).joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
    }

    /// `1 queue`, `3 queues`.
    static func count(_ number: Int, _ word: String) -> String {
        "\(number) \(word)\(number == 1 ? "" : "s")"
    }
}
