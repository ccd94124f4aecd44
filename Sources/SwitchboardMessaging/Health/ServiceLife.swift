import SwitchboardCore

/// The life of a service that takes messages: how far it has come, since when, and what waits for it to serve.
///
///     starting ──▶ serving ──▶ stopping ──▶ ended
///         └───────────┴───────────────────────▲
///
/// A phase that is over doesn't come back.
final class ServiceLife: Sendable {
    private enum Phase: Int {
        case starting, serving, stopping, ended
    }

    private struct State {
        var phase = Phase.starting
        var since = ContinuousClock.now
        var reason: String?
    }

    private let state = Locked(State())
    private let serving = Gate()

    /// It serves: what waited for that goes on.
    func serve() {
        enter(.serving)
        serving.open()
    }

    /// It takes nothing more. What waits for it to serve, now or later, gets the error.
    func stop(_ error: any Error) {
        enter(.stopping)
        serving.break(error)
    }

    /// It has ended as it was asked to. What waits for it to serve, now or later, gets the error.
    func end(_ error: any Error) {
        enter(.ended)
        serving.break(error)
    }

    /// It has failed.
    func fail(_ error: any Error) {
        enter(.ended, reason: "\(error)")
        serving.break(error)
    }

    /// Returns once it serves. Throws what has stopped it, `CancellationError`, or what `timeoutError` makes at the deadline.
    func waitUntilServing(
        on connection: MessageQueueConnection, until deadline: ContinuousClock.Instant,
        timeoutError: @escaping @Sendable () -> any Error
    ) async throws {
        try await connection.wait(for: serving, until: deadline, timeoutError: timeoutError)
    }

    private func enter(_ phase: Phase, reason: String? = nil) {
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
