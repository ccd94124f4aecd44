import SwitchboardCore

extension NotificationListener {
    /// How the listener stands, as far as is known. Waits for nothing.
    ///
    /// It is ``HealthCheck/Status/starting`` until it listens, and stands as its connection does from then on. There is no
    /// message to itself: its queues are shared with other listeners.
    public var health: HealthCheck {
        life.health("listener of \(topics.map(\.description).joined(separator: ", "))", of: connection)
    }
}
