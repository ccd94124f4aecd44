/// One way for notifications to leave: what oslo.messaging calls a driver. A value; a notifier has any number.
///
///     Notifier(
///         publisherID: "compute.host1",
///         drivers: [.messagingV2(connection, topics: [Topic("notifications")]), .log(logger)], logger: logger)
public struct NotificationDriver: Sendable {
    /// What routing rules, errors and logs call it.
    public var name: String

    private let deliver: @Sendable (NotificationEvent, NotificationRetry) async throws -> Void

    /// Creates a driver with a name for rules, errors and logs.
    ///
    /// `deliver` returns when the notification is safe. The notification's context no longer has its token. `deliver`
    /// may be called concurrently.
    public init(
        _ name: String, deliver: @escaping @Sendable (NotificationEvent, NotificationRetry) async throws -> Void
    ) {
        self.name = name
        self.deliver = deliver
    }

    func notify(_ event: NotificationEvent, _ retry: NotificationRetry) async throws {
        try await deliver(event, retry)
    }

    /// The same driver under another name.
    public func named(_ name: String) -> NotificationDriver {
        var copy = self
        copy.name = name
        return copy
    }
}

extension NotificationDriver {
    static let noopName = "noop"

    /// Does nothing. A notifier with no other drivers is not enabled.
    public static let noop = NotificationDriver(noopName) { _, _ in }
}
