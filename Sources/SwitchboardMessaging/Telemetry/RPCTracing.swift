import Instrumentation
import Tracing

/// Spans of requests, and how they travel: as the tracer's keys (`traceparent`, `tracestate`) in the request's context,
/// where oslo.messaging 18.3 and newer puts and looks for them too.
enum RPCTracing {
    /// OpenTelemetry's `rpc.system.name`.
    static let system = "oslo.messaging"

    /// OpenTelemetry's `rpc.method`: the topic and the namespace are the service, as in `compute/build_and_run_instance` and
    /// `compute.baseapi/ping`.
    static func method(_ name: String, namespace: String?, topic: String) -> String {
        guard let namespace, !namespace.isEmpty else { return "\(topic)/\(name)" }
        return "\(topic).\(namespace)/\(name)"
    }

    /// What a span says of its request.
    struct Subject {
        let operation: MessagingOperation
        let topic: String
        let server: String?
        /// As ``RPCTracing/method(_:namespace:topic:)`` says it; `_OTHER` for one that a server doesn't have.
        let method: String
        /// The method's name as it came, where ``method`` is `_OTHER`.
        var originalMethod: String?
        let endpoint: MessagingEndpoint

        fileprivate var kind: SpanKind {
            switch operation {
            case .call: .client
            case .process: .server
            case .cast, .fanout, .notify: .producer
            }
        }

        fileprivate var name: String {
            method == ErrorType.other ? RPCTracing.system : method
        }

        fileprivate func describe(_ span: some Span) {
            span.updateAttributes { attributes in
                attributes["rpc.system.name"] = RPCTracing.system
                attributes["rpc.method"] = method
                if let originalMethod { attributes["rpc.method_original"] = originalMethod }
                attributes["messaging.system"] = endpoint.system
                attributes["messaging.operation.name"] = operation.rawValue
                attributes["messaging.operation.type"] = operation.type
                attributes["messaging.destination.name"] = topic
                if let server { attributes["switchboard.server"] = server }
            }
            span.describe(endpoint)
        }
    }

    /// Runs `body` in a span, with a context that carries it.
    static func sending<Result>(
        _ subject: Subject, by tracer: some Tracer, _ context: JSONObject, _ body: (JSONObject) async throws -> Result
    ) async throws -> Result {
        let span = tracer.startSpan(subject.name, context: .current ?? .topLevel, ofKind: subject.kind)
        subject.describe(span)
        return try await TraceContext.run(in: span) {
            try await body(TraceContext.adding(span.context, to: context, by: tracer))
        }
    }

    /// Runs `body` in a span that continues the one that the request's context carries.
    static func processing<Result>(
        _ subject: Subject, by tracer: some Tracer, _ context: JSONObject, _ body: () async throws -> Result
    ) async throws -> Result {
        let parent = TraceContext.carried(by: context, tracer)
        let span = tracer.startSpan(subject.name, context: parent, ofKind: subject.kind)
        subject.describe(span)
        return try await TraceContext.run(in: span, body)
    }
}

extension Span {
    /// `server.address` and `server.port`.
    func describe(_ endpoint: MessagingEndpoint) {
        guard let address = endpoint.address else { return }
        updateAttributes { attributes in
            attributes["server.address"] = address
            if let port = endpoint.port { attributes["server.port"] = port }
        }
    }
}
