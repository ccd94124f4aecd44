import Logging
import ServiceLifecycle
import SwitchboardCore
import SwitchboardInProcess
import SwitchboardMessaging
import Testing

/// A host that takes what is sent to it, on both topics, and replies to calls.
struct ComputeHost: Sendable {
    struct Received: Sendable {
        let topic: String
        let timeToLive: Duration?
        let request: JSONObject

        var method: String? { request["method"]?.string }
        var isCall: Bool { request["_msg_id"] != nil }

        var arguments: JSONObject {
            guard case .object(let arguments)? = request["args"] else { return [:] }
            return arguments
        }
    }

    static let name = "h2-comp1"

    private let received: AsyncStream<Received>
    private let source: AsyncStream<Received>.Continuation

    private init() {
        (received, source) = AsyncStream.makeStream()
    }

    /// Runs a host, and gives `body` a client that reaches it and a function that waits for the next request.
    ///
    /// - Parameter reply: the result for a method's call.
    static func run(
        timeout: Duration = .seconds(60),
        reply: @escaping @Sendable (String) -> JSONValue = { _ in .null },
        body: @escaping @Sendable (RPCClient, Requests) async throws -> Void
    ) async throws {
        let host = ComputeHost()
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let drivers = DriverRegistry(.inProcess(network: InProcessNetwork()))
        let own = try MessageQueueConnection(TransportURL("fake://test"), drivers: drivers, logger: logger)
        let hosts = try Transport(TransportURL("fake://test"), drivers: drivers, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await own.run() }
            group.addTask { try await hosts.run() }
            defer { group.cancelAll() }
            try await hosts.withSubscription(to: address("compute")) { compute in
                try await hosts.withSubscription(to: address("compute-alt")) { computeAlt in
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { try await host.serve(compute, "compute", through: hosts, reply) }
                        group.addTask { try await host.serve(computeAlt, "compute-alt", through: hosts, reply) }
                        defer { group.cancelAll() }
                        let client = RPCClient(own, target: RPCTarget(topic: "elsewhere"), timeout: timeout)
                        try await body(client, Requests(stream: host.received, connection: own))
                    }
                }
            }
        }
    }

    private static func address(_ topic: String) -> Address {
        .server(Topic(topic, exchange: "nova"), server: name)
    }

    private func serve(
        _ deliveries: Deliveries, _ topic: String, through transport: Transport,
        _ reply: @Sendable (String) -> JSONValue
    ) async throws {
        for try await delivery in deliveries {
            try await delivery.accept()
            let envelope = try JSONValue(parsing: delivery.message.body)
            guard case .object(let request) = try JSONValue(parsing: envelope["oslo.message"]?.string ?? "") else {
                throw MissingData()
            }
            source.yield(Received(topic: topic, timeToLive: delivery.message.timeToLive, request: request))
            guard let id = request["_msg_id"], let mailbox = request["_reply_q"]?.string else { continue }
            let result: JSONValue = [
                "result": reply(request["method"]?.string ?? ""), "failure": nil, "ending": true, "_msg_id": id,
            ]
            let sealed: JSONValue = ["oslo.version": "2.0", "oslo.message": .string("\(result)")]
            try await transport.publish(Message(body: sealed.serialized()), to: .mailbox(Mailbox(named: mailbox)))
        }
    }

    /// What arrived, one after another.
    actor Requests {
        /// The queue that leads to the host.
        nonisolated let connection: MessageQueueConnection
        private let stream: AsyncStream<Received>

        init(stream: AsyncStream<Received>, connection: MessageQueueConnection) {
            self.stream = stream
            self.connection = connection
        }

        /// Waits for the next request; the suite's time limit bounds it.
        func next() async throws -> Received {
            for await received in stream { return received }
            throw CancellationError()
        }
    }
}
