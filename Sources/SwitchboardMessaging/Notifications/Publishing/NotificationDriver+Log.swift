public import Logging

extension NotificationDriver {
    /// Logs notifications, with passwords and tokens masked, as oslo.messaging's `log` does.
    ///
    /// The text is in the metadata, under `notification.message`. `audit` is logged as `notice` and `sample` as `info`;
    /// oslo.messaging loses these two, which Python's loggers do not have.
    ///
    /// - Parameter logger: `nil` is the logger of the task that notifies (`Logger.current`).
    public static func log(_ logger: Logger? = nil) -> NotificationDriver {
        NotificationDriver("log") { event, _ in
            (logger ?? .current).log(
                level: event.priority.logLevel, "Notification",
                metadata: [
                    "notification.event_type": "\(event.eventType ?? "")",
                    "notification.publisher_id": "\(event.publisherID ?? "")",
                    "notification.priority": "\(event.priority)",
                    "notification.message": "\(PasswordMask.masked(event.logObject))",
                ])
        }
    }
}

extension NotificationPriority {
    fileprivate var logLevel: Logger.Level {
        switch self {
        case .debug: .debug
        case .info, .sample: .info
        case .audit: .notice
        case .warn: .warning
        case .error: .error
        case .critical: .critical
        }
    }
}

extension NotificationEvent {
    /// The notification as oslo.messaging logs it: without its context.
    fileprivate var logObject: JSONValue {
        [
            "message_id": id.map(JSONValue.string) ?? .null,
            "publisher_id": publisherID.map(JSONValue.string) ?? .null,
            "event_type": eventType.map(JSONValue.string) ?? .null,
            "priority": .string(priority.wireName),
            "payload": payload,
            "timestamp": timestampText.map(JSONValue.string) ?? .null,
        ]
    }
}
