/// Where one of a transport's connections stands. No I/O, no clock.
///
///     idle ──run──▶ connecting ──connected──▶ restoring ──all live again──▶ up
///                      ▲  │ failed               │ lost                     │ lost
///                      │  ▼                      ▼                          ▼
///                     pausing ◀──────────────────┴──────────────────────────┘
///     any ──closed, refused for good──▶ closed
struct ConnectionLife {
    typealias Instant = Moment

    enum Phase: Hashable {
        case idle, connecting, restoring, up, pausing, closed
    }

    private(set) var phase = Phase.idle
    /// Which attempt this is: signals of an earlier one are ignored.
    private(set) var generation: UInt64 = 0
    /// The number of the present attempt, or of the next one, since the last connection that was up.
    private(set) var attempt = 1
    /// Why the last attempt failed, or the last connection was lost.
    private(set) var reason: String?
    /// Why the peer takes no messages.
    var blocked: String?
    private var upSince: Instant?
    /// What the present attempt, or its connection, has ended with.
    private(set) var failure: ConnectionFailure?
    private var pauses: ReconnectPauses

    init(_ backoff: ReconnectBackoff) {
        pauses = ReconnectPauses(backoff)
    }

    /// Whether there is a connection.
    var isConnected: Bool { phase == .restoring || phase == .up }

    /// Whether what is said of this attempt, or its connection, still counts.
    func isCurrent(_ generation: UInt64) -> Bool {
        generation == self.generation && (phase == .connecting || isConnected)
    }

    mutating func begin() {
        if phase == .idle { phase = .connecting }
    }

    /// - Returns: the number of the attempt; `nil` once closed.
    mutating func willConnect() -> UInt64? {
        guard phase == .connecting || phase == .pausing else { return nil }
        phase = .connecting
        generation += 1
        failure = nil
        blocked = nil
        return generation
    }

    /// - Returns: `false` if it has been lost already.
    mutating func connected(_ generation: UInt64) -> Bool {
        guard generation == self.generation, phase == .connecting else { return false }
        phase = .restoring
        return true
    }

    /// Everything is as it was before the loss.
    ///
    /// - Returns: whether that is news.
    mutating func restored(_ now: Instant) -> Bool {
        guard phase == .restoring else { return false }
        phase = .up
        attempt = 0
        upSince = now
        return true
    }

    /// The attempt has failed, or its connection is lost.
    ///
    /// - Returns: whether that is news.
    mutating func lost(_ failure: ConnectionFailure, _ generation: UInt64) -> Bool {
        guard isCurrent(generation) else { return false }
        phase = .pausing
        self.failure = failure
        reason = failure.reason
        blocked = nil
        attempt += 1
        return true
    }

    /// What follows the loss.
    mutating func step(
        wasEverReady: Bool, _ now: Instant, using generator: inout some RandomNumberGenerator
    ) -> ReconnectPauses.Step {
        let life = upSince.map { $0.duration(to: now) }
        upSince = nil
        return pauses.step(
            after: failure?.retry ?? .afterPause, life: life, wasEverReady: wasEverReady, using: &generator)
    }

    mutating func close() {
        phase = .closed
        blocked = nil
    }

    /// - Parameter repairing: why subscriptions are not live, if the connection repairs some.
    func state(_ repairing: String?) -> TransportState {
        switch phase {
        case .idle: .idle
        case .connecting, .restoring, .pausing: .connecting(attempt: max(1, attempt), reason: reason)
        case .up:
            if let repairing {
                .connecting(attempt: 1, reason: repairing)
            } else if let blocked {
                .blocked(reason: blocked)
            } else {
                .ready
            }
        case .closed: .closed(reason: nil)
        }
    }
}

extension TransportState {
    /// The state of a transport by those of its connections: ready when all are.
    static func merged(_ states: some Sequence<TransportState>) -> TransportState {
        states.reduce(.ready) { $0.severity >= $1.severity ? $0.merged($1) : $1.merged($0) }
    }

    private var severity: Int {
        switch self {
        case .closed: 4
        case .idle: 3
        case .connecting: 2
        case .blocked: 1
        case .ready: 0
        }
    }

    private func merged(_ other: TransportState) -> TransportState {
        guard case .connecting(let attempt, let reason) = self, case .connecting(let others, let otherReason) = other
        else { return self }
        return .connecting(attempt: max(attempt, others), reason: reason ?? otherReason)
    }
}
