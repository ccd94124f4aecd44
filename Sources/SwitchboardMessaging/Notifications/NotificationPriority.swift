/// How important a notification is: oslo.messaging's seven. Each has a queue of its own for each topic.
public enum NotificationPriority: String, Sendable, Hashable, CaseIterable {
    case audit, debug, info, warn, error, critical, sample

    /// Reads a priority as a message carries it, in any case; `warning` means ``warn``.
    public init?(wireName: String) {
        let name = wireName.lowercased()
        self.init(rawValue: name == "warning" ? "warn" : name)
    }

    /// As a message carries it: `INFO`.
    public var wireName: String {
        rawValue.uppercased()
    }
}

extension NotificationPriority: CustomStringConvertible {
    public var description: String { rawValue }
}

extension Set<NotificationPriority> {
    /// Every priority there is.
    public static var all: Set<NotificationPriority> { Set(NotificationPriority.allCases) }
}
