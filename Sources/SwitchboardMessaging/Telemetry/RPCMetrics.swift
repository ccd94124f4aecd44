import CoreMetrics
import SwitchboardCore

/// The metrics of one connection's clients and servers, named after OpenTelemetry's messaging conventions; those that it
/// has no name for begin with `switchboard.`.
///
/// Labels are bounded: what is sent or served, how it ended, the driver and the cell; never ids. What a peer could make up
/// (the name of a method that nobody has) is `_OTHER`.
final class RPCMetrics: Sendable {
    enum Operation: String, Sendable {
        case call, cast, fanout
        /// A request that a server works on.
        case process
    }

    /// Where the operations of a handler went: what the labels are made of.
    private struct Key: Hashable {
        let operation: Operation
        let method: String
        let outcome: String
        let cell: String
    }

    private struct Operations {
        let counter: Counter
        let timer: Timer
    }

    /// Bounds the memory when a program makes up method names; methods beyond it are `_OTHER`.
    private static let maximumKeys = 4096
    static let other = "_OTHER"
    static let success = "ok"

    private let factory: any MetricsFactory
    let isEnabled: Bool
    private let system: String
    private let operations = Locked<[Key: Operations]>([:])
    private let callsInFlight: Meter
    private let requestsInFlight: Meter
    private let retryCounter: Counter
    private let duplicateCounter: Counter
    private let droppedReplyCounter: Counter

    /// - Parameter system: the driver, OpenTelemetry's `messaging.system`.
    init(factory: any MetricsFactory, system: String) {
        self.factory = factory
        self.system = system
        isEnabled = !(factory is NOOPMetricsHandler)
        let labels = [("messaging.system", system)]
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

    // MARK: Operations

    /// Counts and times what a client sends.
    func sending<Result>(
        _ operation: Operation, _ method: String, cell: String, _ body: () async throws -> Result
    ) async throws -> Result {
        guard isEnabled else { return try await body() }
        if operation == .call { callsInFlight.increment() }
        defer { if operation == .call { callsInFlight.decrement() } }
        return try await timed(operation, method, cell: cell, body)
    }

    /// Counts and times what a server works on.
    func processing<Result>(_ method: String, _ body: () async throws -> Result) async throws -> Result {
        guard isEnabled else { return try await body() }
        requestsInFlight.increment()
        defer { requestsInFlight.decrement() }
        return try await timed(.process, method, cell: "", body)
    }

    private func timed<Result>(
        _ operation: Operation, _ method: String, cell: String, _ body: () async throws -> Result
    ) async throws -> Result {
        let start = ContinuousClock.now
        do {
            let result = try await body()
            record(operation, method, outcome: Self.success, cell: cell, ContinuousClock.now - start)
            return result
        } catch {
            record(operation, method, outcome: Self.outcome(of: error), cell: cell, ContinuousClock.now - start)
            throw error
        }
    }

    private func record(_ operation: Operation, _ method: String, outcome: String, cell: String, _ duration: Duration) {
        let handlers = operations.withLock { operations in
            var key = Key(operation: operation, method: method, outcome: outcome, cell: cell)
            if let known = operations[key] { return known }
            if operations.count >= Self.maximumKeys {
                key = Key(operation: operation, method: Self.other, outcome: outcome, cell: cell)
                if let known = operations[key] { return known }
            }
            let made = make(key)
            operations[key] = made
            return made
        }
        handlers.counter.increment()
        let (seconds, attoseconds) = duration.components
        handlers.timer.recordNanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }

    private func make(_ key: Key) -> Operations {
        var labels = [
            ("messaging.operation.name", key.operation.rawValue), ("messaging.system", system),
            ("rpc.method", key.method), ("outcome", key.outcome),
        ]
        if !key.cell.isEmpty { labels.append(("switchboard.cell", key.cell)) }
        let isClient = key.operation != .process
        return Operations(
            counter: Counter(
                label: isClient ? "messaging.client.sent.messages" : "messaging.client.consumed.messages",
                dimensions: labels, factory: factory),
            timer: Timer(
                label: isClient ? "messaging.client.operation.duration" : "messaging.process.duration",
                dimensions: labels, factory: factory))
    }

    /// A word for how an operation ended. What a handler throws is `error`: its types are not bounded.
    static func outcome(of error: any Error) -> String {
        switch error {
        case is CancellationError: "cancelled"
        case let error as RPCError: error.code.description
        case let error as RemoteError where error.module == RemoteError.dispatcherModule: error.className
        default: "error"
        }
    }
}
