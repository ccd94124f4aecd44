import SwitchboardCore

/// The life of a service that takes messages: how far it has come, and what waits for it to serve.
final class ServiceLife: Sendable {
    private let cycle = Locked(ServiceLifeCycle(at: .now))
    private let serving = Gate()

    /// It serves: what waited for that goes on.
    func serve() {
        cycle.withLock { $0.serve(at: .now) }
        serving.open()
    }

    /// It takes nothing more. What waits for it to serve, now or later, gets the error.
    func stop(_ error: any Error) {
        cycle.withLock { $0.stop(at: .now) }
        serving.break(error)
    }

    /// It has ended as it was asked to. What waits for it to serve, now or later, gets the error.
    func end(_ error: any Error) {
        cycle.withLock { $0.end(reason: nil, at: .now) }
        serving.break(error)
    }

    /// It has failed.
    func fail(_ error: any Error) {
        cycle.withLock { $0.end(reason: "\(error)", at: .now) }
        serving.break(error)
    }

    /// Returns once it serves. Throws what has stopped it, `CancellationError`, or what `timeoutError` makes at the deadline.
    func waitUntilServing(
        on connection: MessageQueueConnection, until deadline: Moment,
        timeoutError: @escaping @Sendable () -> any Error
    ) async throws {
        if let failure = connection.failure { throw failure }
        try await serving.wait(until: deadline, timeoutError: timeoutError)
    }

    /// Whether it takes nothing more.
    var isStopping: Bool { cycle.withLock { $0.isStopping } }

    /// What happened since it began to stop; `nil` until it has ended.
    var report: RPCDrainReport? { cycle.withLock { $0.report } }

    /// One of its subscriptions delivers nothing more.
    func subscriptionEnded(_ number: Int) {
        cycle.withLock { $0.subscriptionEnded(number, at: .now) }
    }

    /// Says what to do with a delivery of a subscription.
    func verdict(on subscription: Int) -> ServiceLifeCycle.Verdict {
        cycle.withLock { $0.verdict(on: subscription) }
    }

    /// The work on a delivery has finished.
    func workFinished() {
        cycle.withLock { $0.workFinished() }
    }

    /// How the service stands, given its connection.
    ///
    /// - Parameter deafness: why it is deaf although the connection isn't.
    func health(
        _ name: String, of queue: MessageQueueConnection, deafness: Hearing.Deafness? = nil
    ) -> HealthCheck {
        let connection = queue.health
        let (phase, since) = cycle.withLock { ($0.phase, $0.since) }
        switch phase {
        case .ended(let reason):
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
