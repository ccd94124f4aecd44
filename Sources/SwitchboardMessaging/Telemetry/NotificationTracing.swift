import Tracing

/// Spans of notifications, which travel in the notification's context as those of requests do.
enum NotificationTracing {
    /// Runs `body` in a producer's span, with a notification that carries it.
    static func sending(
        _ event: NotificationEvent, to queue: String, _ endpoint: MessagingEndpoint, by tracer: some Tracer,
        _ body: (NotificationEvent) async throws -> Void
    ) async throws {
        let span = tracer.startSpan("notify \(queue)", context: .current ?? .topLevel, ofKind: .producer)
        span.describe(.notify, queue, endpoint)
        if let id = event.id { span.updateAttributes { $0["messaging.message.id"] = id } }
        try await TraceContext.run(in: span) {
            var event = event
            event.context = TraceContext.adding(span.context, to: event.context, by: tracer)
            try await body(event)
        }
    }

    /// Runs `body` in a consumer's span: the child of the span that a single notification carries; linked to all of them for
    /// a batch.
    static func processing(
        _ events: [NotificationEvent], isBatch: Bool, from queue: String, group: String, _ endpoint: MessagingEndpoint,
        by tracer: some Tracer, _ body: () async throws -> Void
    ) async throws {
        let carried = events.map { TraceContext.carried(by: $0.context, tracer) }
        let parent = isBatch ? ServiceContext.topLevel : carried.first ?? .topLevel
        let span = tracer.startSpan("process \(queue)", context: parent, ofKind: .consumer)
        span.describe(.process, queue, endpoint)
        span.updateAttributes { attributes in
            if !group.isEmpty { attributes["messaging.consumer.group.name"] = group }
            if isBatch {
                attributes["messaging.batch.message_count"] = events.count
            } else if let id = events.first?.id {
                attributes["messaging.message.id"] = id
            }
        }
        for context in carried { span.addLink(SpanLink(context: context, attributes: [:])) }
        try await TraceContext.run(in: span, body)
    }
}

extension Span {
    fileprivate func describe(_ operation: MessagingOperation, _ queue: String, _ endpoint: MessagingEndpoint) {
        updateAttributes { attributes in
            attributes["messaging.system"] = endpoint.system
            attributes["messaging.operation.name"] = operation.rawValue
            attributes["messaging.operation.type"] = operation.type
            attributes["messaging.destination.name"] = queue
        }
        describe(endpoint)
    }
}
