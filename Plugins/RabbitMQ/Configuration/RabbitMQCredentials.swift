public import SwitchboardCore

/// A user name, and a password or token.
public struct RabbitMQCredentials: Sendable, Hashable {
    public var username: String
    public var password: Secret

    /// How long the credentials are valid, for tokens that expire. The driver asks the provider again when three
    /// quarters of that time have passed. `nil` means until the provider renews them.
    public var lifetime: Duration?

    public init(username: String, password: Secret, lifetime: Duration? = nil) {
        self.username = username
        self.password = password
        self.lifetime = lifetime
    }
}

/// A source of credentials that may change while a driver runs.
///
/// The driver asks it before every connection, so a new connection always has the newest credentials. A live connection
/// gets new ones after ``renew()``, or when their lifetime ends: with `connection.update-secret` if the broker supports
/// it and the user is the same, otherwise through a new connection, after the messages in flight on the old one are
/// finished. Several drivers may share a provider.
public final class RabbitMQCredentialProvider: Sendable {
    private struct State {
        var nextID: UInt64 = 0
        var listeners: [UInt64: AsyncStream<Void>.Continuation] = [:]
    }

    private let fetch: @Sendable () async throws -> RabbitMQCredentials
    private let state = Locked(State())

    /// - Parameter fetch: returns the current credentials. It may take time, for example to ask a vault, but no longer
    ///   than connecting may take.
    public init(_ fetch: @escaping @Sendable () async throws -> RabbitMQCredentials) {
        self.fetch = fetch
    }

    /// Announces that the credentials have changed. Every running connection asks for the new ones and uses them.
    public func renew() {
        for listener in state.withLock({ Array($0.listeners.values) }) { listener.yield() }
    }

    func credentials() async throws -> RabbitMQCredentials {
        try await fetch()
    }

    /// An element for each ``renew()``; those that come while one is worked on count once.
    func renewals() -> (stream: AsyncStream<Void>, source: AsyncStream<Void>.Continuation) {
        let (stream, source) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = state.withLock { state in
            state.nextID += 1
            state.listeners[state.nextID] = source
            return state.nextID
        }
        source.onTermination = { [weak self] _ in
            self?.state.withLock { state in state.listeners[id] = nil }
        }
        return (stream, source)
    }
}
