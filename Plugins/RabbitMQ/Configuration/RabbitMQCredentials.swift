public import SwitchboardCore

/// A user name and a password (or a token in its place).
public struct RabbitMQCredentials: Sendable, Hashable {
    public var username: String
    public var password: Secret

    /// How long they are good for, for tokens that expire: the provider is asked again when three quarters of it have
    /// passed. `nil`: until the provider says otherwise.
    public var lifetime: Duration?

    public init(username: String, password: Secret, lifetime: Duration? = nil) {
        self.username = username
        self.password = password
        self.lifetime = lifetime
    }
}

/// Where credentials come from that can change while a driver runs.
///
/// It is asked before every connection, so that a reconnect always has the newest. A connection that is up takes over
/// what changed when ``renew()`` says so or when a lifetime ends: by `connection.update-secret` where the broker has it
/// and the user is the same, else by a new connection after what is under way on the old one has finished. One provider
/// may serve many drivers.
public final class RabbitMQCredentialProvider: Sendable {
    private struct State {
        var nextID: UInt64 = 0
        var listeners: [UInt64: AsyncStream<Void>.Continuation] = [:]
    }

    private let fetch: @Sendable () async throws -> RabbitMQCredentials
    private let state = Locked(State())

    /// - Parameter fetch: answers the credentials of now. It may wait, for a vault for example; a connection attempt
    ///   gives it as long as connecting may take.
    public init(_ fetch: @escaping @Sendable () async throws -> RabbitMQCredentials) {
        self.fetch = fetch
    }

    /// Says that the credentials are others now: every running connection asks for them and takes them over.
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
