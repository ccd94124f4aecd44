/// How important a notification is: oslo.messaging's seven. Each has a queue of its own for each topic.
public enum NotificationPriority: String, Sendable, Hashable, CaseIterable {
    case audit, debug, info, warn, error, critical, sample

    /// Reads a priority as a message carries it, in any case; `warning` means ``warn``.
    public init?(wireName: String) {
        if let priority = Self.allCases.first(where: { $0.wireName == wireName }) {
            self = priority
            return
        }
        let name = wireName.lowercased()
        self.init(rawValue: name == "warning" ? "warn" : name)
    }

    /// As a message carries it: `INFO`.
    public var wireName: String {
        switch self {
        case .audit: "AUDIT"
        case .debug: "DEBUG"
        case .info: "INFO"
        case .warn: "WARN"
        case .error: "ERROR"
        case .critical: "CRITICAL"
        case .sample: "SAMPLE"
        }
    }
}

extension NotificationPriority: CustomStringConvertible {
    public var description: String { rawValue }
}

extension Set<NotificationPriority> {
    /// Every priority there is.
    public static var all: Set<NotificationPriority> { Set(NotificationPriority.allCases) }
}
