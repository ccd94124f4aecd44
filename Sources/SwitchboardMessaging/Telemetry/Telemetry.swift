public import CoreMetrics
public import Tracing

/// What the clients and servers of a connection report to: a tracer and a metrics backend.
///
/// Both are the process's by default, those that `InstrumentationSystem` and `MetricsSystem` were bootstrapped with.
/// Bootstrap before connections are made.
public struct Telemetry: Sendable {
    /// Whom spans go to; `nil`: the process's tracer.
    public var tracer: (any Tracer)?

    /// Whom metrics go to.
    public var metrics: any MetricsFactory

    public init(tracer: (any Tracer)? = nil, metrics: any MetricsFactory = MetricsSystem.factory) {
        self.tracer = tracer
        self.metrics = metrics
    }

    /// The tracer, when there is one that does something. To be asked once per connection, not per request.
    var activeTracer: (any Tracer)? {
        if let tracer { return tracer }
        let tracer = InstrumentationSystem.tracer
        return tracer is NoOpTracer ? nil : tracer
    }
}
