import Logging
import SwitchboardCore

/// Runs the handlers of a ``NotificationListener``: with a logger, counted and traced. By reference, as it is handed on with each
/// notification.
final class NotificationWork: Sendable {
    private let connection: MessageQueueConnection
    /// The listener's pool; empty without one.
    private let group: String
    private let logger: Logger
    private let isObserved: Bool

    init(_ connection: MessageQueueConnection, group: String?, logger: Logger) {
        self.connection = connection
        self.group = group ?? ""
        self.logger = logger
        isObserved = connection.tracer != nil || connection.metrics.isEnabled
    }

    /// Counts what is about to be handled.
    func consumed(_ batch: [ReceivedNotification]) {
        guard connection.metrics.isEnabled else { return }
        for received in batch { connection.metrics.consumed(1, from: received.queue, group: group) }
    }

    /// Has one notification handled, with a `Logger.current` that knows it.
    func handle(
        _ received: ReceivedNotification, by body: @Sendable (NotificationEvent) async throws -> Void
    ) async throws {
        let event = received.event
        let logger = logger.named(
            .init(key: "notification.event_type", value: event.eventType ?? ""),
            event.context["request_id"]?.string.map { .init(key: "request.id", value: $0) })
        try await withLogger(logger) { _ in
            guard isObserved else { return try await body(event) }
            try await observed([event], isBatch: false, received.queue) { try await body(event) }
        }
    }

    /// Has a batch handled, with the listener's logger as `Logger.current`.
    func handle(
        _ batch: [ReceivedNotification], by body: @Sendable ([NotificationEvent]) async throws -> Void
    ) async throws {
        let events = batch.map(\.event)
        try await withLogger(logger) { _ in
            guard isObserved else { return try await body(events) }
            // A batch is of one priority, and so of one queue, unless the listener has several topics.
            let queue = batch.first?.queue ?? ""
            try await observed(events, isBatch: true, queue) { try await body(events) }
        }
    }

    private func observed(
        _ events: [NotificationEvent], isBatch: Bool, _ queue: String, _ body: () async throws -> Void
    ) async throws {
        try await connection.metrics.processing(queue, group: group) {
            guard let tracer = connection.tracer else { return try await body() }
            try await NotificationTracing.processing(
                events, isBatch: isBatch, from: queue, group: group, connection.endpoint, by: tracer, body)
        }
    }
}
