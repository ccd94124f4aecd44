import InMemoryTracing
import Logging
import MetricsTestKit
import SwitchboardCore
import SwitchboardInProcess
import Testing
import Tracing

@testable import SwitchboardMessaging

@Suite("Traces, metrics and logs", .timeLimit(.minutes(5)))
struct TelemetryTests {
    struct Failure: Error {}

    /// A server with a handler that calls on, and a client.
    private func withService(
        _ telemetry: Telemetry, _ body: @escaping @Sendable (RPCClient) async throws -> Void
    ) async throws {
        let network = InProcessNetwork()
        let connection = try makeConnection(network: network, telemetry: telemetry)
        let serverConnection = try makeConnection(network: network, telemetry: telemetry)
        var router = RPCRouter()
        router.registerPing()
        let inner = RPCClient(serverConnection, target: RPCTarget(topic: "traced"), timeout: .seconds(40))
        router.register("outer") { _, context in try await inner.call("inner", context: context) }
        router.register("inner") { _, context in context.additional["traceparent"] ?? nil }
        router.register("fail") { _, _ in throw Failure() }
        router.register("logger") { _, _ in
            .string(Logger.current[metadataKey: "rpc.method"].map { "\($0)" } ?? "none")
        }
        let server = RPCServer(
            serverConnection, topic: Topic("traced"), name: "host1", router: router,
            logger: Logger(label: "traced") { _ in LineCollector(lines: Locked([])) })
        let client = RPCClient(connection, target: RPCTarget(topic: "traced"), timeout: .seconds(40))
        try await withRunning(connection, serverConnection, server) {
            try await server.waitUntilServing()
            try await body(client)
        }
    }

    @Test("A trace goes through a handler to the next server, in the W3C's key of the context")
    func tracing() async throws {
        let tracer = W3CTracer()
        try await withService(Telemetry(tracer: tracer)) { client in
            tracer.spans.clearAll()
            let traceparent = try await tracer.withSpan("request") { _ in
                try await client.call("outer", context: .admin())
            }
            #expect(traceparent.string?.hasPrefix("00-") == true)
            let spans = tracer.spans.finishedSpans
            #expect(Set(spans.map(\.traceID)).count == 1)
            // From the inside out: inner handler, call of it, outer handler, call of it, the caller's own.
            #expect(spans.map(\.kind) == [.server, .client, .server, .client, .internal])
            #expect(
                spans.map(\.operationName) == [
                    "traced/inner", "traced/inner", "traced/outer", "traced/outer", "request",
                ])
            for (child, parent) in zip(spans, spans.dropFirst()) { #expect(child.parentSpanID == parent.spanID) }
            #expect(traceparent.string?.contains(spans[1].spanID) == true)
            #expect(spans[0].attributes.get("messaging.system") == .string("fake"))
        }
    }

    @Test("A failed call is a failed span on both sides")
    func failedSpan() async throws {
        let tracer = W3CTracer()
        try await withService(Telemetry(tracer: tracer)) { client in
            tracer.spans.clearAll()
            await #expect(throws: RPCError.self) { try await client.call("fail", context: .admin()) }
            let spans = tracer.spans.finishedSpans
            #expect(spans.count == 2)
            #expect(spans.allSatisfy { $0.status?.code == .error && $0.errors.count == 1 })
        }
    }

    @Test("A trace that nobody here continues is passed on")
    func passedOn() async throws {
        try await withService(Telemetry()) { client in
            var context = RequestContext()
            context.additional["traceparent"] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            let received = try await client.call("outer", context: context)
            #expect(received == context.additional["traceparent"])
        }
    }

    @Test("Calls, casts and handlers are counted by method and outcome, and timed; nothing stays in flight")
    func metrics() async throws {
        let metrics = TestMetrics()
        try await withService(Telemetry(metrics: metrics)) { client in
            _ = try await client.call("inner", context: .admin())
            for method in ["fail", "made-up", "made-up-too"] {
                await #expect(throws: RPCError.self) { try await client.call(method, context: .admin()) }
            }
            try await client.cast("inner", context: .admin())
            try await client.fanout("inner", context: .admin())
            // The cast and the fanout have been taken before this is answered, and worked on by the end of the server.
            _ = try await client.call("logger", context: .admin())
        }
        func sent(_ operation: String, _ method: String, _ outcome: String) throws -> Int64 {
            try metrics.expectCounter(
                "messaging.client.sent.messages",
                [
                    ("messaging.operation.name", operation), ("messaging.system", "fake"), ("rpc.method", method),
                    ("outcome", outcome),
                ]
            ).totalValue
        }
        #expect(try sent("call", "inner", "ok") == 1)
        #expect(try sent("call", "fail", "remote") == 1)
        #expect(try sent("call", "made-up", "noSuchMethod") == 1)
        #expect(try sent("cast", "inner", "ok") == 1)
        #expect(try sent("fanout", "inner", "ok") == 1)
        let handled = metrics.timers(label: "messaging.process.duration")
        #expect(handled.contains { $0.dimensions.contains { $0 == ("rpc.method", "inner") } })
        // What a peer makes up does not become a label.
        #expect(!handled.contains { $0.dimensions.contains { $0.1.hasPrefix("made-up") } })
        #expect(handled.contains { $0.dimensions.contains { $0 == ("rpc.method", "_OTHER") } })
        #expect(handled.allSatisfy { timer in !timer.values.isEmpty && timer.values.allSatisfy { $0 > 0 } })
        for label in ["switchboard.client.calls.in_flight", "switchboard.server.requests.in_flight"] {
            #expect(try metrics.expectMeter(label, [("messaging.system", "fake")]).lastValue == 0)
        }
    }

    @Test("A handler's logger knows the method")
    func logger() async throws {
        try await withService(Telemetry()) { client in
            let method = try await client.call("logger", context: .admin())
            #expect(method == "logger")
        }
    }
}
