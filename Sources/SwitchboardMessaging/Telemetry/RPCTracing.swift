import Instrumentation
import Tracing

/// Spans of requests, and how they travel: as the tracer's keys (`traceparent`, `tracestate`) in the request's context,
/// where oslo.messaging 18.3 and newer puts and looks for them too.
enum RPCTracing {
    /// What a span says of its request.
    struct Subject {
        let operation: RPCMetrics.Operation
        let topic: String
        let server: String?
        let method: String
        let system: String

        fileprivate var kind: SpanKind {
            switch operation {
            case .call: .client
            case .cast, .fanout: .producer
            case .process: .server
            }
        }

        fileprivate func describe(_ span: some Span) {
            span.updateAttributes { attributes in
                attributes["rpc.system"] = "oslo.messaging"
                attributes["rpc.service"] = topic
                attributes["rpc.method"] = method
                attributes["messaging.system"] = system
                attributes["messaging.operation.name"] = operation.rawValue
                attributes["messaging.destination.name"] = topic
                if let server { attributes["switchboard.server"] = server }
            }
        }
    }

    /// Runs `body` in a span, with a context that carries it.
    static func sending<Result>(
        _ subject: Subject, by tracer: some Tracer, _ context: JSONObject, _ body: (JSONObject) async throws -> Result
    ) async throws -> Result {
        try await inSpan(subject, by: tracer, parent: .current ?? .topLevel) { serviceContext in
            var context = context
            tracer.inject(serviceContext, into: &context, using: ContextInjector())
            return try await body(context)
        }
    }

    /// Runs `body` in a span that continues the one that the request's context carries.
    static func processing<Result>(
        _ subject: Subject, by tracer: some Tracer, _ context: JSONObject, _ body: () async throws -> Result
    ) async throws -> Result {
        var parent = ServiceContext.topLevel
        tracer.extract(context, into: &parent, using: ContextExtractor())
        return try await inSpan(subject, by: tracer, parent: parent) { _ in try await body() }
    }

    private static func inSpan<Result>(
        _ subject: Subject, by tracer: some Tracer, parent: ServiceContext,
        _ body: (ServiceContext) async throws -> Result
    ) async throws -> Result {
        let span = tracer.startSpan("\(subject.topic)/\(subject.method)", context: parent, ofKind: subject.kind)
        subject.describe(span)
        defer { span.end() }
        do {
            return try await ServiceContext.$current.withValue(span.context) { try await body(span.context) }
        } catch {
            span.recordError(error)
            span.setStatus(SpanStatus(code: .error))
            span.updateAttributes { $0["error.type"] = RPCMetrics.outcome(of: error) }
            throw error
        }
    }

    private struct ContextInjector: Injector {
        func inject(_ value: String, forKey key: String, into context: inout JSONObject) {
            context[key] = .string(value)
        }
    }

    private struct ContextExtractor: Extractor {
        func extract(key: String, from context: JSONObject) -> String? {
            context[key]?.string
        }
    }
}
