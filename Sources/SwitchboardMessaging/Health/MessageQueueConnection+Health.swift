import SwitchboardCore

extension MessageQueueConnection {
    /// How the connection stands, as far as is known. Waits for nothing.
    ///
    /// It is ``HealthCheck/Status/deaf`` when the last ``roundTrip(timeout:)`` through this very connection did not come
    /// back.
    public var health: HealthCheck {
        let standing = transport.standing
        let since = standing.since
        switch standing.state {
        case .idle: return HealthCheck(name, .starting, at: since, reason: "its run() was not called")
        case .connecting(_, let reason): return HealthCheck(name, .connecting, at: since, reason: reason)
        case .blocked(let reason): return HealthCheck(name, .blocked, at: since, reason: reason)
        case .closed(let reason): return HealthCheck(name, .closed, at: since, reason: reason)
        case .ready:
            guard let deafness = hearing.deafness, deafness.last >= since else {
                return HealthCheck(name, .ready, at: since)
            }
            return HealthCheck(name, .deaf, at: max(since, deafness.since), reason: deafness.reason)
        }
    }

    /// Sends a message through the queue to ourselves, where there is a connection, and tells how the connection stands.
    ///
    /// - Parameter timeout: how long the message may take until the connection counts as deaf.
    public func checkHealth(timeout: Duration = .seconds(5)) async -> HealthCheck {
        if transport.state == .ready { _ = try? await roundTrip(timeout: timeout) }
        return health
    }
}
