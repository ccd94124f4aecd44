public import CoreMetrics
public import Tracing

/// What the clients, servers, notifiers and listeners of a connection report to: a tracer and a metrics backend.
///
/// Both are the process's by default, those that `InstrumentationSystem` and `MetricsSystem` were bootstrapped with.
/// Bootstrap before connections are made.
public struct Telemetry: Sendable {
    /// The tracer that receives spans; `nil`: the process's.
    public var tracer: (any Tracer)?

    /// The backend that receives metrics.
    public var metrics: any MetricsFactory

    public init(tracer: (any Tracer)? = nil, metrics: any MetricsFactory = MetricsSystem.factory) {
        self.tracer = tracer
        self.metrics = metrics
    }

    /// The tracer, when there is one that does something. Ask once per connection, not per request.
    var activeTracer: (any Tracer)? {
        if let tracer { return tracer }
        let tracer = InstrumentationSystem.tracer
        return tracer is NoOpTracer ? nil : tracer
    }
}
