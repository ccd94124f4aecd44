import SwitchboardCore

extension ConformanceReport {
    /// Checks every law on every driver, some at a time.
    ///
    /// Throws what a harness throws, a broker that cannot be started for example: what was not checked is in no report.
    ///
    /// - Parameters:
    ///   - subjects: the drivers.
    ///   - laws: the laws.
    ///   - width: how many laws are checked at a time.
    ///   - progress: called with each verdict as soon as it is known.
    public static func check(
        _ subjects: [ConformanceSubject], laws: [DriverLaw] = DriverLaws.all, width: Int = 4,
        progress: @escaping @Sendable (ConformanceSubject, DriverLaw, Verdict) -> Void = { _, _, _ in }
    ) async throws -> ConformanceReport {
        precondition(width >= 1, "At least one law is checked at a time.")
        var verdicts = subjects.map { _ in [Verdict](repeating: .notClaimed, count: laws.count) }
        var claims: [DriverCapabilities] = []
        for subject in subjects { claims.append(try await Self.claims(of: subject, laws)) }
        try await withThrowingTaskGroup(of: (Int, Int, Verdict).self) { group in
            // By law first, so that drivers which are slow at one thing do not meet there.
            var places = laws.indices.flatMap { law in subjects.indices.map { ($0, law) } }[...]
            let next: (inout ThrowingTaskGroup<(Int, Int, Verdict), any Error>) -> Void = { group in
                guard let (column, row) = places.popFirst() else { return }
                let (subject, law) = (subjects[column], laws[row])
                group.addTask {
                    let verdict = try await Self.verdict(on: law, of: subject)
                    progress(subject, law, verdict)
                    return (column, row, verdict)
                }
            }
            for _ in 0..<width { next(&group) }
            while let (column, row, verdict) = try await group.next() {
                verdicts[column][row] = verdict
                next(&group)
            }
        }
        let columns = subjects.indices.map {
            Column(subject: subjects[$0], claims: claims[$0], verdicts: verdicts[$0])
        }
        return ConformanceReport(laws: laws, columns: columns)
    }

    private static func verdict(on law: DriverLaw, of subject: ConformanceSubject) async throws -> Verdict {
        do {
            switch try await law.check(subject.harness(law)) {
            case .holds: return .holds
            case .notClaimed: return .notClaimed
            case .unproven(let reason): return .unproven(reason: reason)
            }
        } catch let violation as LawViolation {
            return .broken(finding: violation.finding)
        }
    }

    private static func claims(of subject: ConformanceSubject, _ laws: [DriverLaw]) async throws -> DriverCapabilities {
        guard let law = laws.first else { return [] }
        let claims = Locked<DriverCapabilities>([])
        try await subject.harness(law).withWorld { world in
            let found = try world.makeTransport().capabilities
            claims.withLock { $0 = found }
        }
        return claims.withLock { $0 }
    }
}
