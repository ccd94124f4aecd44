/// The life cycle of a service that takes messages, and what becomes of messages that are delivered to it. No I/O.
///
///     starting ──serve──▶ serving ──stop──▶ stopping ──end──▶ ended
///         │                  │              │     ▲             ▲
///         │                  │              └─────┘ one of its subscriptions delivers nothing more
///         └──────────────────┴──────────────────end─────────────┘
///
/// A phase that is over doesn't come back.
struct ServiceLifeCycle: Sendable {
    typealias Instant = ContinuousClock.Instant

    enum Phase: Sendable {
        case starting
        case serving
        /// It takes nothing more. With the subscriptions, by their number, that deliver nothing more.
        case stopping(ended: Set<Int>)
        /// With the reason, unless it was asked to.
        case ended(reason: String?)
    }

    /// What to do with a delivery.
    enum Verdict: Sendable {
        /// Have it handled.
        case handle
        /// Leave it for now: given back, it might come again. It is offered once more when its subscription has ended.
        case wait
        /// Give it back to its queue.
        case giveBack
    }

    private(set) var phase = Phase.starting
    /// When it came into its phase.
    private(set) var since: Instant
    private var count = RPCDrainReport()

    init(at now: Instant) {
        since = now
    }

    /// Whether it takes nothing more.
    var isStopping: Bool {
        switch phase {
        case .starting, .serving: false
        case .stopping, .ended: true
        }
    }

    /// What happened since it began to stop; `nil` until it has ended.
    var report: RPCDrainReport? {
        if case .ended = phase { count } else { nil }
    }

    mutating func serve(at now: Instant) {
        if case .starting = phase { enter(.serving, now) }
    }

    mutating func stop(at now: Instant) {
        if !isStopping { enter(.stopping(ended: []), now) }
    }

    /// A subscription delivers nothing more, which begins to stop the service.
    mutating func subscriptionEnded(_ number: Int, at now: Instant) {
        stop(at: now)
        guard case .stopping(var ended) = phase else { return }
        ended.insert(number)
        phase = .stopping(ended: ended)
    }

    mutating func end(reason: String?, at now: Instant) {
        if case .ended = phase { return }
        enter(.ended(reason: reason), now)
    }

    /// Says what to do with a delivery of a subscription, and counts those that go back.
    mutating func verdict(on subscription: Int) -> Verdict {
        switch phase {
        case .starting, .serving: return .handle
        case .stopping(let ended) where !ended.contains(subscription): return .wait
        case .stopping, .ended:
            count.requeued += 1
            return .giveBack
        }
    }

    /// The work on a delivery has finished.
    mutating func workFinished() {
        if isStopping { count.finished += 1 }
    }

    private mutating func enter(_ phase: Phase, _ now: Instant) {
        (self.phase, since) = (phase, now)
    }
}
