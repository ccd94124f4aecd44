#if RabbitMQ
import SwitchboardCore

/// One question to a provider of credentials, which may be anybody's code: it ends in time, and with its task, also where
/// the provider heeds no cancellation. Such a one is left behind; what it says later is nobody's business.
final class CredentialFetch: Sendable {
    private struct State {
        var outcome: Result<RabbitMQCredentials, any Error>?
        var waiter: CheckedContinuation<RabbitMQCredentials, any Error>?
    }

    private let state = Locked(State())

    private init() {}

    static func credentials(
        of provider: RabbitMQCredentialProvider, within limit: Duration
    ) async throws -> RabbitMQCredentials {
        let fetch = CredentialFetch()
        let asking = Task {
            do {
                fetch.end(.success(try await provider.credentials()))
            } catch {
                fetch.end(.failure(error))
            }
        }
        let timing = Task {
            try? await Task.sleep(for: limit)
            fetch.end(.failure(TransportError(.unavailable, "It did not answer within \(limit).")))
        }
        defer {
            asking.cancel()
            timing.cancel()
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { fetch.wait($0) }
        } onCancel: {
            fetch.end(.failure(CancellationError()))
        }
    }

    private func wait(_ continuation: CheckedContinuation<RabbitMQCredentials, any Error>) {
        let outcome = state.withLock { state in
            if state.outcome == nil { state.waiter = continuation }
            return state.outcome
        }
        if let outcome { continuation.resume(with: outcome) }
    }

    /// The first outcome holds.
    private func end(_ outcome: Result<RabbitMQCredentials, any Error>) {
        let waiter = state.withLock { state -> CheckedContinuation<RabbitMQCredentials, any Error>? in
            guard state.outcome == nil else { return nil }
            state.outcome = outcome
            return state.waiter.take()
        }
        waiter?.resume(with: outcome)
    }
}
#endif
