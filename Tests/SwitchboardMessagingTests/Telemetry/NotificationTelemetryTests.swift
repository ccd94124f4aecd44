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

@Suite("Traces, metrics and logs of notifications", .timeLimit(.minutes(2)))
struct NotificationTelemetryTests {
    private struct Failure: Error {}

    private func world(_ telemetry: Telemetry) throws -> NotificationWorld {
        NotificationWorld(connection: try makeConnection(network: InProcessNetwork(), telemetry: telemetry))
    }

    /// A metric's labels of the queue that is used here.
    private func labels(_ operation: String, _ type: String, _ others: [String: String?] = [:]) -> [String: String?] {
        [
            "messaging.system": "fake", "messaging.operation.name": operation, "messaging.operation.type": type,
            "messaging.destination.name": "notifications.info", "server.address": "test",
        ].merging(others) { $1 }
    }

    @Test(
        "A trace goes through a notification to its handler, and on to what the handler sends",
        arguments: [
            NotificationFormat.v1, .v2,
        ])
    func tracing(_ format: NotificationFormat) async throws {
        let tracer = W3CTracer()
        let connection = try makeConnection(network: InProcessNetwork(), telemetry: Telemetry(tracer: tracer))
        let world = NotificationWorld(connection: connection)
        let notifier = NotificationWorld.makeNotifier(connection, topics: [Topic("notifications")], format: format)
        let seen = Recorder<NotificationEvent>()
        var router = NotificationRouter()
        router.handle([.info]) { event in
            await notifier.notify(.audit, "next")
            seen.record(event)
        }
        try await world.run(world.listener(router)) {
            try await tracer.withSpan("request") { _ in
                try await notifier.send(.info, "compute.instance.create.end", ["a": 1], context: .admin())
            }
            let event = try await seen.next()
            #expect(event.context["traceparent"]?.string?.hasPrefix("00-") == true)
            #expect(event.payload == ["a": 1])
        }
        let spans = tracer.spans.finishedSpans
        let byName = Dictionary(grouping: spans, by: \.operationName)
        let request = try #require(byName["request"]?.first)
        let sent = try #require(byName["notify notifications.info"]?.first)
        let handled = try #require(byName["process notifications.info"]?.first)
        let next = try #require(byName["notify notifications.audit"]?.first)
        #expect(Set(spans.map(\.traceID)).count == 1)
        #expect(sent.kind == .producer && handled.kind == .consumer && next.kind == .producer)
        #expect(sent.parentSpanID == request.spanID)
        #expect(handled.parentSpanID == sent.spanID)
        #expect(next.parentSpanID == handled.spanID)
        for span in [sent, handled] {
            #expect(span.attributes.get("messaging.system") == .string("fake"))
            #expect(span.attributes.get("messaging.destination.name") == .string("notifications.info"))
            #expect(span.attributes.get("messaging.message.id") != nil)
            #expect(span.attributes.get("server.address") == .string("test"))
            #expect(span.attributes.get("error.type") == nil)
        }
        #expect(sent.attributes.get("messaging.operation.type") == .string("send"))
        #expect(handled.attributes.get("messaging.operation.type") == .string("process"))
    }

    @Test("A batch is one span, linked to the span of each of its notifications")
    func batches() async throws {
        let tracer = W3CTracer()
        let world = try world(Telemetry(tracer: tracer))
        let seen = Recorder<Int>()
        var router = NotificationRouter()
        router.handleBatches([.info]) { seen.record($0.count) }
        var configuration = NotificationListenerConfiguration()
        configuration.batchSize = 3
        configuration.batchTimeout = .seconds(3600)
        configuration.pool = "readers"
        try await world.run(world.listener(configuration: configuration, router)) {
            for _ in 0..<3 { try await world.notifier.send(.info, "e") }
            #expect(try await seen.next() == 3)
        }
        let spans = tracer.spans.finishedSpans
        let handled = try #require(spans.first { $0.kind == .consumer })
        #expect(spans.count { $0.kind == .consumer } == 1)
        let producers = Set(spans.filter { $0.kind == .producer }.map(\.spanID))
        #expect(Set(handled.links.compactMap { $0.context.inMemorySpanContext?.spanID }) == producers)
        #expect(producers.count == 3)
        #expect(handled.attributes.get("messaging.batch.message_count") == .int64(3))
        #expect(handled.attributes.get("messaging.consumer.group.name") == .string("readers"))
    }

    @Test("Without a tracer a notification carries nothing of ours")
    func untraced() async throws {
        let world = try world(Telemetry())
        let seen = Recorder<NotificationEvent>()
        try await world.run(world.listener(.recording(seen, [.info]))) {
            try await world.notifier.send(.info, "e", context: .admin())
            let context = try await seen.next().context
            #expect(context["traceparent"] == nil)
        }
    }

    @Test("Notifications are counted and timed by queue and error, on both sides")
    func metrics() async throws {
        let metrics = TestMetrics()
        let world = try world(Telemetry(metrics: metrics))
        let seen = Recorder<Int>()
        var router = NotificationRouter()
        router.handle([.info]) { event in
            defer { seen.record(1) }
            switch event.eventType {
            case "fail": throw Failure()
            case "discard": throw NotificationRejection.discard(reason: "odd")
            default: break
            }
        }
        var configuration = NotificationListenerConfiguration()
        configuration.maximumAttempts = 1
        try await world.run(world.listener(configuration: configuration, router)) {
            for type in ["good", "fail", "discard", "good"] { try await world.notifier.send(.info, type) }
            _ = try await seen.take(4)
        }
        #expect(metrics.total("messaging.client.sent.messages", labels("notify", "send")) == 4)
        #expect(metrics.durations("messaging.client.operation.duration", labels("notify", "send")).count == 4)
        #expect(metrics.total("messaging.client.consumed.messages", labels("process", "process")) == 4)
        func handled(_ error: String?) -> Int {
            metrics.durations(
                "messaging.process.duration", labels("process", "process", ["error.type": error])
            ).count
        }
        #expect(handled(nil) == 2 && handled("_OTHER") == 1 && handled("discard") == 1)
        #expect(metrics.timers(label: "messaging.process.duration").allSatisfy { $0.displayUnit == .seconds })
        // Nothing that differs from one notification to the next is a label.
        let values = Set(metrics.timers.flatMap(\.dimensions).map(\.1))
        #expect(values.isDisjoint(with: ["good", "fail", "test.host"]))
    }

    @Test("A notification that can't be sent is counted with what went wrong")
    func failures() async throws {
        let metrics = TestMetrics()
        let tracer = W3CTracer()
        let driver = failingDriver([.refused])
        let connection = MessageQueueConnection(
            Transport(driver: driver, url: try TransportURL("fake://failing"), logger: quietLogger),
            telemetry: Telemetry(tracer: tracer, metrics: metrics), logger: quietLogger)
        let notifier = NotificationWorld.makeNotifier(connection, topics: [Topic("notifications")])
        try await withRunning(connection) {
            _ = await #expect(throws: NotificationError.self) { try await notifier.send(.info, "e") }
        }
        var labels = labels("notify", "send", ["error.type": "refused"])
        labels["server.address"] = "failing"
        #expect(metrics.total("messaging.client.sent.messages", labels) == 1)
        let span = try #require(tracer.spans.finishedSpans.first)
        #expect(span.attributes.get("error.type") == .string("refused"))
        #expect(span.status?.code == .error)
    }

    @Test("What a notifier can't send is logged by the logger of the task that notifies")
    func callersLogger() async throws {
        let log = InMemoryLogHandler()
        var logger = Logger(label: "caller") { _ in log }
        logger[metadataKey: "request.id"] = "req-1"
        let sink = NotificationSink()
        sink.fail(with: Failure())
        let own = InMemoryLogHandler()
        let notifier = Notifier(
            publisherID: "p", drivers: [.sink(sink)], logger: Logger(label: "own") { _ in own })
        await withLogger(logger) { _ in await notifier.error("e") }
        #expect(log.entries.count == 1 && own.entries.isEmpty)
        #expect(log.entries.first?.metadata["request.id"] == "req-1")
        // Without one, by its own.
        await notifier.error("e")
        #expect(log.entries.count == 1 && own.entries.count == 1)
    }

    @Test("Handlers have a logger that knows the notification and the request that it is about")
    func handlersLogger() async throws {
        let world = try world(Telemetry())
        let seen = Recorder<Logger.Metadata>()
        var router = NotificationRouter()
        router.handle([.info]) { _ in
            let logger = Logger.current
            seen.record([
                "type": logger[metadataKey: "notification.event_type"] ?? "",
                "id": logger[metadataKey: "request.id"] ?? "",
                "topics": logger[metadataKey: "notification.topics"] ?? "",
            ])
        }
        let logger = Logger(label: "listener") { _ in InMemoryLogHandler() }
        var context = RequestContext.admin()
        context.requestID = "req-7"
        try await world.run(world.listener(router, logger: logger)) { [context] in
            try await world.notifier.send(.info, "e", context: context)
            let metadata = try await seen.next()
            #expect(metadata == ["type": "e", "id": "req-7", "topics": "openstack/notifications"])
        }
    }
}
