import SwitchboardCells
import SwitchboardCore

/// One sweep as a check's report. A value without I/O.
struct HostsReport {
    /// How many deaf and absent hosts are a warning and a failure.
    let thresholds: CheckThresholds
    let listing: HostListing
    let observations: [CellID: CellObservation]

    /// What the hosts serve.
    var topic = HostSweep.Configuration().topic

    private var advice: String {
        "'switchboard doctor --cell CELL --topic \(topic.name) --exchange \(topic.exchange) --server HOST' says why."
    }

    var report: CheckReport {
        CheckReport("hosts", subjects: [overview] + listing.cells.compactMap(subject))
    }

    private func count(_ isIncluded: (HostClass) -> Bool, in observations: some Sequence<CellObservation>) -> Int {
        observations.reduce(0) { $0 + $1.hosts.values.count { isIncluded($0.hostClass) } }
    }

    private var outCount: Int { count(\.isOut, in: observations.values) }

    private var outStatus: CheckStatus { thresholds.status(of: Double(outCount)) }

    private var overview: CheckReport.Subject {
        var results = listing.defects.map { defect in
            CheckResult.warning(
                "mapping", defect, .init("The mapping can't be used, so nobody is asked.", do: "Mend it, or delete it.")
            )
        }
        if listing.hostCount == 0 {
            results.append(.skipped("hosts", because: "no host is mapped to a cell that is looked at"))
        } else {
            let all = observations.values
            let well = count(\.isWell, in: all)
            let (slow, deaf, absent) = (
                count({ $0 == .slow }, in: all), count({ $0 == .deaf }, in: all), count({ $0 == .absent }, in: all)
            )
            let rest = listing.hostCount - well - slow - deaf - absent
            let parts = [(slow, "slow"), (deaf, "deaf"), (absent, "absent"), (rest, "unreachable")].filter { $0.0 > 0 }
                .map { "\($0.0) \($0.1)" }
            results.append(
                .measured(
                    "hosts", (["\(well) of \(listing.hostCount) hosts answer"] + parts).joined(separator: ", "),
                    [
                        CheckMeasurement(
                            "troubled", .hosts, Double(outCount), thresholds,
                            help: "How many mapped hosts are deaf or absent"),
                        CheckMeasurement(
                            "mapped", .hosts, Double(listing.hostCount), help: "How many hosts are mapped"),
                    ],
                    otherwise: .init("Requests to such a host are lost or time out.", do: advice)))
        }
        return CheckReport.Subject("all mapped hosts", results: results)
    }

    private func subject(_ cell: HostListing.Cell) -> CheckReport.Subject? {
        guard let observation = observations[cell.watched.id] else { return nil }
        var results = [self.cell(observation, hosts: cell.hosts.count)]
        let counts = observation.hosts.values.reduce(into: [HostClass: Int]()) { $0[$1.hostClass, default: 0] += 1 }
        let isReached = if case .reached = observation.outcome { true } else { false }
        let alive = (counts[.answering] ?? 0) + (counts[.noPing] ?? 0) + (counts[.slow] ?? 0)
        if !isReached, observation.hosts.isEmpty {
            results.append(.skipped("hosts", because: "queue failed"))
        } else if isReached, alive == 0 {
            results.append(
                .failed(
                    "hosts", "none of \(cell.hosts.count) answers",
                    .init(
                        "Nothing can be done on any host of this cell.",
                        do: "Compare --topic and --exchange with the services'. \(advice)"), measurements(counts)))
        } else {
            results.append(
                .ok("hosts", "\(alive) of \(cell.hosts.count) answer", measurements(counts)))
        }
        for (host, finding) in observation.hosts.sorted(by: { $0.key < $1.key }) {
            if let result = result(host, finding) { results.append(result) }
        }
        return CheckReport.Subject(
            "cell \(cell.mapping.identity)", labels: [.init("cell", cell.watched.label)], results: results)
    }

    private func measurements(_ counts: [HostClass: Int]) -> [CheckMeasurement] {
        [
            ("answering", [HostClass.answering, .noPing], "How many hosts of a cell answer in time"),
            ("slow", [.slow], "How many hosts of a cell are slow"),
            ("deaf", [.deaf], "How many hosts of a cell have a queue and don't answer"),
            ("absent", [.absent], "How many hosts of a cell are mapped and nobody listens"),
        ].map { name, kinds, help in
            CheckMeasurement(
                name, .hosts, Double(kinds.reduce(0) { $0 + (counts[$1] ?? 0) }), help: help)
        }
    }

    private func cell(_ observation: CellObservation, hosts: Int) -> CheckResult {
        switch observation.outcome {
        case .reached(let time):
            return .ok(
                "queue", "a message came back in \(time.text)",
                [
                    CheckMeasurement(
                        "round_trip", .seconds, time / .seconds(1),
                        help: "How long a message takes through the queue and back")
                ])
        case .failed(let reason, _):
            return .failed(
                "queue", reason,
                .init(
                    "The cell is unreachable: nothing can be said of its \(hosts) \(hosts == 1 ? "host" : "hosts").",
                    do: "'switchboard doctor --cell CELL' says why."))
        }
    }

    /// What is said of one host; `nil` where all is well.
    private func result(_ host: String, _ finding: HostFinding) -> CheckResult? {
        let detail = "\(finding.hostClass.text): \(finding.detail)"
        switch finding.hostClass {
        case .answering, .noPing, .unreachable, .unknown: return nil
        case .slow:
            return .warning(
                "host", of: host, detail,
                .init("Calls to it take long or time out.", do: "Look at its load, and at its log."))
        case .deaf, .absent:
            let diagnosis =
                finding.hostClass == .deaf
                ? CheckResult.Diagnosis(
                    "Nobody takes from its queue, or it hangs, or its replies get lost, as when its reply queue has expired.",
                    do: "\(advice) If it doesn't recover, restart the service.")
                : .init(
                    "The service doesn't run there, or was never started on this queue.",
                    do: "Start it, or delete the mapping with 'switchboard host delete' if the host has gone.")
            switch outStatus {
            case .failed: return .failed("host", of: host, detail, diagnosis)
            case .warning: return .warning("host", of: host, detail, diagnosis)
            case .ok, .skipped: return .ok("host", of: host, "\(detail) (within --warning)")
            }
        }
    }
}
