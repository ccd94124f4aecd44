import InMemoryTracing
import Instrumentation
import Tracing

/// A tracer that keeps its spans in memory, and that propagates them as the W3C says: `traceparent`.
struct W3CTracer: Tracer {
    let spans = InMemoryTracer()

    func startSpan<Instant: TracerInstant>(
        _ operationName: String, context: @autoclosure () -> ServiceContext, ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
    ) -> InMemorySpan {
        spans.startSpan(
            operationName, context: context(), ofKind: kind, at: instant(), function: function, file: fileID, line: line
        )
    }

    func forceFlush() {}

    func inject<Carrier, Inject: Injector>(
        _ context: ServiceContext, into carrier: inout Carrier, using injector: Inject
    ) where Inject.Carrier == Carrier {
        guard let span = context.inMemorySpanContext else { return }
        injector.inject("00-\(span.traceID)-\(span.spanID)-01", forKey: "traceparent", into: &carrier)
    }

    func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract
    ) where Extract.Carrier == Carrier {
        guard let parts = extractor.extract(key: "traceparent", from: carrier)?.split(separator: "-"), parts.count >= 4
        else { return }
        // The ids of the tracer hold dashes themselves.
        context.inMemorySpanContext = InMemorySpanContext(
            traceID: parts[1..<parts.count / 2].joined(separator: "-"),
            spanID: parts[(parts.count / 2)..<(parts.count - 1)].joined(separator: "-"), parentSpanID: nil)
    }
}
