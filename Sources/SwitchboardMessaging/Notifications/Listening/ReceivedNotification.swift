import SwitchboardCore

/// A notification that was delivered and is not settled. By reference, as it is large and passes through many hands.
final class ReceivedNotification: Sendable {
    let delivery: Delivery
    let event: NotificationEvent
    /// The queue that it came from.
    let queue: String
    /// What duplicates are known by; `nil`: it is never one.
    let uniqueID: String?

    /// Throws for what is no notification, or has a priority that there is not.
    init(_ delivery: Delivery, from queue: String) throws(WireError) {
        let notification = try OsloNotification(delivery.message)
        self.delivery = delivery
        self.queue = queue
        event = try notification.event(isRedelivered: delivery.isRedelivered)
        uniqueID = notification.uniqueID?.string
    }
}
