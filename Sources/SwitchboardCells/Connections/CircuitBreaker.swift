/// Whether a queue answers, as far as is known. A value without I/O: who holds it probes, and tells what came of it.
///
///     answering ──▶ suspect     (a send was given up early: perhaps its time was short)
///     answering, suspect ──▶ silent     (a send had time enough; or the suspect's probe did not come back)
///     suspect, silent ──▶ answering     (a probe came back, or a send was confirmed)
///
/// A suspect is used as before while it is probed; nothing is sent to a silent one but probes.
struct CircuitBreaker {
    typealias Instant = ContinuousClock.Instant

    /// Since when there was no answer, and what was said last.
    struct Silence: Sendable, Hashable {
        let since: Instant
        let reason: String
    }

    enum Phase: Hashable {
        case answering
        case suspect
        case silent(Silence)
    }

    enum Change: Hashable {
        /// Probe it.
        case suspected
        /// Probe it, and let nobody else wait for it.
        case silenced
        case answersAgain
    }

    private(set) var phase = Phase.answering

    /// A send was confirmed, or a probe came back.
    mutating func succeeded() -> Change? {
        defer { phase = .answering }
        switch phase {
        case .answering, .suspect: return nil
        case .silent: return .answersAgain
        }
    }

    /// A send was not confirmed.
    ///
    /// - Parameter isCertain: whether an answer would have come by then.
    mutating func failed(_ reason: String, isCertain: Bool, now: Instant) -> Change? {
        switch phase {
        case .answering where !isCertain:
            phase = .suspect
            return .suspected
        case .answering, .suspect:
            guard isCertain else { return nil }
            phase = .silent(Silence(since: now, reason: reason))
            return .silenced
        case .silent(let silence):
            phase = .silent(Silence(since: silence.since, reason: reason))
            return nil
        }
    }
}
