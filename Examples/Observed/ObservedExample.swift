import InMemoryTracing
import MetricsTestKit
import Switchboard
import SwitchboardInProcess

/// A service with middleware, traces and metrics. The backends keep in memory what they get; a real program gives
/// `Telemetry` those of its observability stack, or bootstraps them and gives nothing.
@main
struct ObservedExample {
    struct Order: Codable, Sendable {
        var item: String
    }

    static let place = RPCMethod<Order, String>("place_order")

    /// Lets only members of a project in.
    struct MembersOnly: RPCServerMiddleware {
        func handle(
            _ request: RPCServerRequest,
            next: nonisolated(nonsending) @Sendable (RPCServerRequest) async throws -> JSONValue
        ) async throws -> JSONValue {
            guard request.context.projectID != nil else {
                throw RemoteError(className: "Forbidden", message: "\(request.method) is for members of a project")
            }
            return try await next(request)
        }
    }

    static func main() async throws {
        let (tracer, metrics) = (InMemoryTracer(), TestMetrics())
        let telemetry = Telemetry(tracer: tracer, metrics: metrics)
        var configuration = RPCServerConfiguration()
        configuration.middleware = [MembersOnly()]
        var router = RPCRouter()
        router.register(place) { order, _ in "1 \(order.item), on its way" }

        try await withMessageQueue("fake://shop", .inProcess(), telemetry: telemetry) { queue in
            try await withRPCServer(queue, topic: "orders", router: router, configuration: configuration) {
                let client = RPCClient(queue, topic: "orders")
                print(try await client.call(place, Order(item: "tea"), context: RequestContext(projectID: "demo")))
                do {
                    print(try await client.call(place, Order(item: "tea")))
                } catch {
                    print("refused: \(error)")
                }
            }
        }
        for span in tracer.finishedSpans { print("span \(span.operationName), \(span.kind)") }
        for label in Set(metrics.timers.map(\.label)).sorted() { print("metric \(label)") }
    }
}
