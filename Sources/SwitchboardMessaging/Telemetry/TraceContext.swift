import Instrumentation
import Tracing

/// How a trace travels, and how work is done inside of a span.
enum TraceContext {
    /// `context` with the keys by which `tracer` finds the span again.
    static func adding(
        _ serviceContext: ServiceContext, to context: JSONObject, by tracer: some Tracer
    ) -> JSONObject {
        var context = context
        tracer.inject(serviceContext, into: &context, using: ContextInjector())
        return context
    }

    /// The trace that `context` carries; a new one where it carries none.
    static func carried(by context: JSONObject, _ tracer: some Tracer) -> ServiceContext {
        var serviceContext = ServiceContext.topLevel
        tracer.extract(context, into: &serviceContext, using: ContextExtractor())
        return serviceContext
    }

    /// Runs `body` in a span that was started, and ends it with what came of it.
    static func run<Result>(in span: some Span, _ body: () async throws -> Result) async throws -> Result {
        defer { span.end() }
        do {
            return try await ServiceContext.$current.withValue(span.context) { try await body() }
        } catch {
            span.recordError(error)
            span.setStatus(SpanStatus(code: .error))
            span.updateAttributes { $0["error.type"] = ErrorType.of(error) }
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
