import SwitchboardCore

/// How far a service has come, and since when.
///
///     starting ──▶ serving ──▶ stopping ──▶ ended
///
/// A phase that is over does not come back.
final class ServicePhase: Sendable {
    enum Phase: Int, Sendable {
        case starting, serving, stopping, ended
    }

    private struct State {
        var phase = Phase.starting
        var since = ContinuousClock.now
        var reason: String?
    }

    private let state = Locked(State())

    func enter(_ phase: Phase, reason: String? = nil) {
        state.withLock { state in
            guard phase.rawValue > state.phase.rawValue else { return }
            state = State(phase: phase, reason: reason)
        }
    }

    /// How the service stands, given its connection.
    ///
    /// - Parameter deafness: why it is deaf although the connection isn't.
    func health(
        _ name: String, of queue: MessageQueueConnection, deafness: Hearing.Deafness? = nil
    ) -> HealthCheck {
        let connection = queue.health
        let (phase, since, reason) = state.withLock { ($0.phase, $0.since, $0.reason) }
        switch phase {
        case .ended:
            return HealthCheck(name, .closed, at: since, reason: reason, components: [connection])
        case .stopping: return HealthCheck(name, .stopping, at: since, components: [connection])
        case .starting:
            return HealthCheck(
                name, .starting, at: since, reason: "it waits for its subscriptions", components: [connection])
        case .serving:
            guard connection.isReady else { return HealthCheck(name, of: [connection]) }
            if let deafness, deafness.last >= max(since, queue.transport.standing.since) {
                return HealthCheck(
                    name, .deaf, at: max(since, deafness.since), reason: deafness.reason, components: [connection])
            }
            return HealthCheck(
                name, .ready, since: max(WireTimestamp(since), connection.since), components: [connection])
        }
    }
}
