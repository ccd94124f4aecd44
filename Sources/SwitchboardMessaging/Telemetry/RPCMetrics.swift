import SwitchboardCore
import CoreMetrics

/// The metrics of one connection's clients, servers, notifiers and listeners, under OpenTelemetry's names; those that it
/// has no name for begin with `switchboard.`.
///
/// Labels are bounded: what is sent or served, how it failed, the driver and the cell; never ids. What a peer could make up
/// (the name of a method that doesn't exist) is `_OTHER`.
final class RPCMetrics: Sendable {
    let isEnabled: Bool
    private let operations: OperationMetrics
    private let callsInFlight: Meter
    private let requestsInFlight: Meter
    private let retryCounter: Counter
    private let duplicateCounter: Counter
    private let droppedReplyCounter: Counter

    init(factory: any MetricsFactory, endpoint: MessagingEndpoint) {
        isEnabled = !(factory is NOOPMetricsHandler)
        operations = OperationMetrics(factory: factory, endpoint: endpoint)
        let labels = [("messaging.system", endpoint.system)]
        callsInFlight = Meter(label: "switchboard.client.calls.in_flight", dimensions: labels, factory: factory)
        requestsInFlight = Meter(label: "switchboard.server.requests.in_flight", dimensions: labels, factory: factory)
        retryCounter = Counter(label: "switchboard.client.retries", dimensions: labels, factory: factory)
        duplicateCounter = Counter(label: "switchboard.server.duplicates", dimensions: labels, factory: factory)
        droppedReplyCounter = Counter(label: "switchboard.server.replies.dropped", dimensions: labels, factory: factory)
    }

    // MARK: Events

    func retried() { retryCounter.increment() }
    func ignoredDuplicate() { duplicateCounter.increment() }
    func droppedReply() { droppedReplyCounter.increment() }

    // MARK: RPC

    /// Counts and times a request that a client sends.
    ///
    /// How long a call took is RPC's matter; how long a cast took is messaging's, as nothing of the other side is in it.
    func sending<Result>(
        _ operation: MessagingOperation, _ method: String, to topic: String, cell: String,
        _ body: () async throws -> Result
    ) async throws -> Result {
        guard isEnabled else { return try await body() }
        let isCall = operation == .call
        if isCall { callsInFlight.increment() }
        defer { if isCall { callsInFlight.decrement() } }
        return try await timed(body) { error, duration in
            var labels = OperationMetrics.Labels(
                instrument: .sentMessages, operation: operation, method: method, destination: topic, cell: cell,
                error: error)
            operations.count(labels)
            labels.instrument = isCall ? .clientCallDuration : .operationDuration
            if isCall { labels.destination = "" }
            operations.record(labels, duration)
        }
    }

    /// Counts and times a request that a server works on.
    func serving<Result>(
        _ method: String, from topic: String, _ body: () async throws -> Result
    ) async throws -> Result {
        guard isEnabled else { return try await body() }
        requestsInFlight.increment()
        defer { requestsInFlight.decrement() }
        operations.count(.init(instrument: .consumedMessages, method: method, destination: topic))
        return try await timed(body) { error, duration in
            operations.record(.init(instrument: .serverCallDuration, method: method, error: error), duration)
        }
    }

    // MARK: Notifications

    /// Counts and times a notification that is sent to a queue.
    func notifying(_ queue: String, _ body: () async throws -> Void) async throws {
        guard isEnabled else { return try await body() }
        try await timed(body) { error, duration in
            var labels = OperationMetrics.Labels(
                instrument: .sentMessages, operation: .notify, destination: queue, error: error)
            operations.count(labels)
            labels.instrument = .operationDuration
            operations.record(labels, duration)
        }
    }

    /// Counts notifications that a listener hands out.
    func consumed(_ count: Int, from queue: String, group: String) {
        guard isEnabled else { return }
        operations.count(
            .init(instrument: .consumedMessages, destination: queue, group: group), by: count)
    }

    /// Times a listener's handler.
    func processing(
        _ queue: String, group: String, _ body: () async throws -> Void
    ) async throws {
        guard isEnabled else { return try await body() }
        try await timed(body) { error, duration in
            operations.record(
                .init(instrument: .processDuration, destination: queue, group: group, error: error), duration)
        }
    }

    private func timed<Result>(
        _ body: () async throws -> Result, _ record: (_ error: String, Duration) -> Void
    ) async throws -> Result {
        let start = Moment.now
        do {
            let result = try await body()
            record("", start.duration(to: .now))
            return result
        } catch {
            record(ErrorType.of(error), start.duration(to: .now))
            throw error
        }
    }
}
