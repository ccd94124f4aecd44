public import Logging

/// Publishes log records as notifications: oslo.messaging's `LoggingNotificationHandler`. Made by
/// ``NotificationLogPublisher/handler(label:level:)``.
///
/// Logging never waits: a record goes into a bounded buffer, or is counted as dropped.
public struct NotificationLogHandler: LogHandler {
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?
    public var logLevel: Logger.Level

    private let label: String
    private let publisher: NotificationLogPublisher

    init(label: String, level: Logger.Level, publisher: NotificationLogPublisher) {
        self.label = label
        logLevel = level
        self.publisher = publisher
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var extra = metadata
        if let provided = metadataProvider?.get() { extra.merge(provided) { _, new in new } }
        if let own = event.metadata { extra.merge(own) { _, new in new } }
        publisher.take(LogRecord(event, label: label, metadata: extra))
    }
}
