import Logging
import ServiceLifecycle
import SwitchboardCore
import SwitchboardMessaging

/// What is sent in a measurement, and what serves it, both in this process.
struct BenchServing: Sendable {
    enum Kind: String, CaseIterable, Sendable {
        case calls, casts, notifications
    }

    /// A reply that isn't from the server of this measurement.
    struct AnsweredByAnother: Error {}

    /// A request that isn't of this measurement.
    struct NotOurs: Error, CustomStringConvertible {
        var description: String { "This server belongs to a measurement." }
    }

    /// What has arrived at the server.
    struct Arrivals: Sendable {
        /// From when a message was due until its handler began.
        var latencies = LatencyHistogram()
        /// Requests of other programs.
        var strangers = 0
    }

    let kind: Kind
    let topic: Topic
    /// Bytes of text in each request.
    let size: Int
    let timeout: Duration
    let arrivals = Locked(Arrivals())
    /// Tells this measurement's requests from others.
    let run = UniqueName.make()

    private static let method = "bench"
    private static let server = "bench"
    private let epoch = ContinuousClock.now

    init(_ kind: Kind, topic: Topic, size: Int, timeout: Duration) {
        self.kind = kind
        self.topic = topic
        self.size = size
        self.timeout = timeout
    }

    // MARK: Server

    /// Serves while `body` runs.
    ///
    /// - Parameter waiting: waits until the server serves, with what it is given.
    func serving<Result: Sendable>(
        on connection: MessageQueueConnection,
        waiting: (@escaping @Sendable () async throws -> Void) async throws -> Void = { try await $0() },
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        switch kind {
        case .calls, .casts:
            var router = RPCRouter()
            router.registerFallback { method, arguments, _ in
                guard arrived(arguments), method == Self.method else { throw NotOurs() }
                return ["run": .string(run)]
            }
            let server = RPCServer(connection, topic: topic, name: Self.server, router: router, logger: Doctor.silent)
            return try await withRunning(server) {
                try await waiting { try await server.waitUntilServing(timeout: timeout) }
                return try await body()
            }
        case .notifications:
            var router = NotificationRouter()
            router.handle([.info]) { event in
                guard case .object(let payload) = event.payload, arrived(payload) else {
                    throw NotificationRejection.requeue
                }
            }
            let listener = NotificationListener(connection, topics: [topic], router: router, logger: Doctor.silent)
            return try await withRunning(listener) {
                try await waiting { try await listener.waitUntilListening(timeout: timeout) }
                return try await body()
            }
        }
    }

    private func arrived(_ arguments: JSONObject) -> Bool {
        let latency = epoch.duration(to: .now) - .nanoseconds(arguments["due"]?.integer ?? 0)
        return arrivals.withLock { arrivals in
            guard arguments["run"]?.string == run else {
                arrivals.strangers += 1
                return false
            }
            if arguments["counts"] == true { arrivals.latencies.record(latency) }
            return true
        }
    }

    // MARK: Client

    /// Sends one message, and returns when it is answered, or accepted by the queue.
    ///
    /// - Parameter counts: whether its arrival is measured.
    func sender(
        through connection: MessageQueueConnection, counts: Bool
    ) -> @Sendable (ContinuousClock.Instant) async throws -> Void {
        let padding = JSONValue.string(String(repeating: "x", count: size))
        @Sendable func arguments(_ due: ContinuousClock.Instant) -> JSONObject {
            [
                "run": .string(run), "due": .integer(Int64(clamping: epoch.duration(to: due).wholeNanoseconds)),
                "counts": .bool(counts), "padding": padding,
            ]
        }
        let client = RPCClient(connection, target: RPCTarget(topic), timeout: timeout)
        switch kind {
        case .calls:
            return { due in
                let reply = try await client.call(Self.method, arguments(due), context: RequestContext())
                guard reply["run"]?.string == run else { throw AnsweredByAnother() }
            }
        case .casts:
            return { due in try await client.cast(Self.method, arguments(due), context: RequestContext()) }
        case .notifications:
            let notifier = Notifier(
                publisherID: "switchboard.bench", drivers: [.messagingV2(connection, topics: [topic])],
                retry: NotificationRetry(timeout: timeout), logger: Doctor.silent)
            return { due in try await notifier.send(.info, Self.method, .object(arguments(due))) }
        }
    }
}

/// Names that no other program has.
enum UniqueName {
    /// 16 hexadecimal digits.
    static func make() -> String {
        UInt64.random(in: 0...UInt64.max).hexadecimal
    }
}
