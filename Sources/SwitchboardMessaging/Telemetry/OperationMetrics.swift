import CoreMetrics
import SwitchboardCore

/// Counters and timers of operations, made when an operation of their labels is first recorded, in a bounded number.
final class OperationMetrics: Sendable {
    /// What is recorded. The names are OpenTelemetry's.
    enum Instrument: String, Sendable {
        case clientCallDuration = "rpc.client.call.duration"
        case serverCallDuration = "rpc.server.call.duration"
        case operationDuration = "messaging.client.operation.duration"
        case processDuration = "messaging.process.duration"
        case sentMessages = "messaging.client.sent.messages"
        case consumedMessages = "messaging.client.consumed.messages"
    }

    /// The labels of an operation that differ from one to another. What is empty isn't a label.
    struct Labels: Hashable, Sendable {
        var instrument: Instrument
        var operation = MessagingOperation.process
        /// `rpc.method`.
        var method = ""
        /// `messaging.destination.name`.
        var destination = ""
        /// `messaging.consumer.group.name`.
        var group = ""
        /// `switchboard.cell`.
        var cell = ""
        /// `error.type`.
        var error = ""
    }

    private enum Handler {
        case counter(Counter)
        case timer(Timer)
    }

    /// Bounds the memory when a program makes up names; further names are `_OTHER`.
    private static let maximumCount = 4096

    private let factory: any MetricsFactory
    private let endpoint: MessagingEndpoint
    private let handlers = Locked<[Labels: Handler]>([:])

    init(factory: any MetricsFactory, endpoint: MessagingEndpoint) {
        self.factory = factory
        self.endpoint = endpoint
    }

    func count(_ labels: Labels, by amount: Int = 1) {
        guard case .counter(let counter) = handler(labels) else { return }
        counter.increment(by: amount)
    }

    func record(_ labels: Labels, _ duration: Duration) {
        guard case .timer(let timer) = handler(labels) else { return }
        let (seconds, attoseconds) = duration.components
        timer.recordNanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }

    private func handler(_ labels: Labels) -> Handler {
        handlers.withLock { handlers in
            var labels = labels
            if let known = handlers[labels] { return known }
            if handlers.count >= Self.maximumCount {
                if !labels.method.isEmpty { labels.method = ErrorType.other }
                if !labels.destination.isEmpty { labels.destination = ErrorType.other }
                if let known = handlers[labels] { return known }
            }
            let made = make(labels)
            handlers[labels] = made
            return made
        }
    }

    private func make(_ labels: Labels) -> Handler {
        let name = labels.instrument.rawValue
        let dimensions = dimensions(labels)
        switch labels.instrument {
        case .sentMessages, .consumedMessages:
            return .counter(Counter(label: name, dimensions: dimensions, factory: factory))
        case .clientCallDuration, .serverCallDuration, .operationDuration, .processDuration:
            return .timer(
                Timer(label: name, dimensions: dimensions, preferredDisplayUnit: .seconds, factory: factory))
        }
    }

    private func dimensions(_ labels: Labels) -> [(String, String)] {
        var dimensions: [(String, String)] = []
        func add(_ name: String, _ value: String?) {
            if let value, !value.isEmpty { dimensions.append((name, value)) }
        }
        add("messaging.system", endpoint.system)
        switch labels.instrument {
        case .clientCallDuration, .serverCallDuration: add("rpc.system.name", RPCTracing.system)
        default:
            add("messaging.operation.name", labels.operation.rawValue)
            add("messaging.operation.type", labels.operation.type)
            add("messaging.destination.name", labels.destination)
            add("messaging.consumer.group.name", labels.group)
        }
        add("rpc.method", labels.method)
        add("error.type", labels.error)
        add("server.address", endpoint.address)
        add("server.port", endpoint.port.map { "\($0)" })
        add("switchboard.cell", labels.cell)
        return dimensions
    }
}
