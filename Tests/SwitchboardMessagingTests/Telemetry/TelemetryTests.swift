import InMemoryLogging
import InMemoryTracing
import Logging
import Metrics
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
            for span in spans.prefix(4) {
                #expect(span.attributes.get("rpc.system.name") == .string("oslo.messaging"))
                #expect(span.attributes.get("rpc.method") == .string(span.operationName))
                #expect(span.attributes.get("messaging.system") == .string("fake"))
                #expect(span.attributes.get("messaging.destination.name") == .string("traced"))
                #expect(span.attributes.get("server.address") == .string("test"))
                #expect(span.attributes.get("error.type") == nil)
                // Former conventions' names.
                #expect(span.attributes.get("rpc.system") == nil && span.attributes.get("rpc.service") == nil)
            }
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
            #expect(spans.map { $0.attributes.get("error.type") } == [.string("_OTHER"), .string("remote")])
        }
    }

    @Test("A method that the server doesn't have is a span of the system, with the name that was asked for")
    func unknownMethod() async throws {
        let tracer = W3CTracer()
        try await withService(Telemetry(tracer: tracer)) { client in
            tracer.spans.clearAll()
            await #expect(throws: RPCError.self) { try await client.call("made-up", context: .admin()) }
            let span = try #require(tracer.spans.finishedSpans.first { $0.kind == .server })
            #expect(span.operationName == "oslo.messaging")
            #expect(span.attributes.get("rpc.method") == .string("_OTHER"))
            #expect(span.attributes.get("rpc.method_original") == .string("made-up"))
        }
    }

    @Test("The service of a method is its topic and its namespace")
    func methodNames() {
        #expect(RPCTracing.method("ping", namespace: nil, topic: "compute") == "compute/ping")
        #expect(RPCTracing.method("ping", namespace: "", topic: "compute") == "compute/ping")
        #expect(RPCTracing.method("ping", namespace: "baseapi", topic: "compute") == "compute.baseapi/ping")
    }

    @Test(
        "The server's address is what the URL names",
        arguments: [
            ("rabbit://u:p@mq1:5671/v", "mq1", 5671), ("rabbit://mq1/v", "mq1", nil), ("spool:///d", nil, nil),
            ("rabbit://a:1,b:1/", "a,b", 1), ("rabbit://a:1,b:2/", "a,b", nil), ("rabbit://a:1,b/", "a,b", nil),
            ("rabbit://u:p@/v", nil, nil),
        ] as [(String, String?, Int?)])
    func endpoints(_ url: String, _ address: String?, _ port: Int?) throws {
        let endpoint = MessagingEndpoint(try TransportURL(url), system: "s")
        #expect(endpoint.address == address)
        #expect(endpoint.port == port)
    }

    @Test("A request that is tried again is logged by the logger of the task that sends it")
    func callersLogger() async throws {
        let log = InMemoryLogHandler()
        let driver = failingDriver([.unavailable])
        let connection = MessageQueueConnection(
            Transport(driver: driver, url: try TransportURL("fake://failing"), logger: quietLogger),
            logger: quietLogger)
        var logger = Logger(label: "caller") { _ in log }
        logger[metadataKey: "request.id"] = "req-1"
        logger.logLevel = .debug
        try await withRunning(connection) {
            try await withLogger(logger) { _ in
                try await RPCClient(connection, target: RPCTarget(topic: "t")).cast("m", context: .admin())
            }
        }
        let entry = try #require(log.entries.first)
        #expect(log.entries.count == 1)
        #expect("\(entry.message)".contains("tried again"))
        #expect(entry.metadata["request.id"] == "req-1")
        #expect(entry.metadata["rpc.method"] == "m")
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

    @Test("Calls, casts and handlers are counted by method and error, and timed; nothing stays in flight")
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
        func sent(_ operation: String, _ method: String, _ error: String? = nil) -> Int64 {
            metrics.total(
                "messaging.client.sent.messages",
                [
                    "messaging.operation.name": operation, "messaging.operation.type": "send",
                    "messaging.system": "fake", "messaging.destination.name": "traced",
                    "rpc.method": "traced/\(method)", "server.address": "test", "error.type": error,
                ])
        }
        #expect(sent("call", "inner") == 1)
        #expect(sent("call", "fail", "remote") == 1)
        #expect(sent("call", "made-up", "noSuchMethod") == 1)
        #expect(sent("cast", "inner") == 1)
        #expect(sent("fanout", "inner") == 1)
        // How long a call took is RPC's, how long a cast took is messaging's.
        let client: [String: String?] = [
            "rpc.system.name": "oslo.messaging", "messaging.system": "fake", "rpc.method": "traced/inner",
            "server.address": "test",
        ]
        #expect(metrics.durations("rpc.client.call.duration", client).count == 1)
        let cast: [String: String?] = [
            "messaging.operation.name": "cast", "messaging.operation.type": "send", "messaging.system": "fake",
            "messaging.destination.name": "traced", "rpc.method": "traced/inner", "server.address": "test",
        ]
        #expect(metrics.durations("messaging.client.operation.duration", cast).count == 1)
        // The call, the cast and the fanout, each on the server.
        #expect(metrics.durations("rpc.server.call.duration", client).count == 3)
        #expect(
            metrics.durations(
                "rpc.server.call.duration",
                client.merging(["rpc.method": "traced/fail", "error.type": "_OTHER"]) { $1 }
            ).count == 1)
        // What a peer makes up does not become a label.
        let handled = metrics.timers(label: "rpc.server.call.duration")
        #expect(!handled.contains { $0.dimensions.contains { $0.1.contains("made-up") } })
        #expect(handled.contains { $0.dimensions.contains { $0 == ("rpc.method", "_OTHER") } })
        #expect(handled.allSatisfy { timer in !timer.values.isEmpty && timer.values.allSatisfy { $0 > 0 } })
        #expect(handled.allSatisfy { $0.displayUnit == .seconds })
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
