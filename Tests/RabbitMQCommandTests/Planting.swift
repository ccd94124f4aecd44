#if RabbitMQ && TLS
import Foundation
import Switchboard
import SwitchboardCore
import SwitchboardMessaging
import SwitchboardTesting
import Testing

@testable import SwitchboardCommand
@testable import SwitchboardRabbitMQ

/// A virtual host in which something is wrong.
struct Bed: Sendable {
    let broker: TestBroker
    let name: String

    /// The URL, with options that every broker takes unless others are given.
    func url(_ options: [TransportURL.Option] = Examination.options) -> TransportURL {
        var url = broker.url(virtualHost: name)
        url.options = options
        return url
    }

    /// - Parameter hasTransients: whether queues are made there that aren't durable: RabbitMQ tells of that for all virtual hosts.
    static func with<Result: Sendable>(
        hasTransients: Bool = false, _ body: (Bed) async throws -> Result
    ) async throws -> Result {
        let broker = try await Equipment.broker(hasTransients: hasTransients)
        return try await broker.withVirtualHost { try await body(Bed(broker: broker, name: $0)) }
    }

    /// Does something by AMQP that no driver would.
    func plant(_ methods: OutgoingMethod...) async throws {
        let inspection = try BrokerInspection(url(), timeout: .seconds(20), logger: quietLogger)
        let look = try await inspection.logIn(to: inspection.hosts[0])
        for method in methods {
            let conversation = try await look.session.ask([method])
            #expect(conversation.closure == nil)
        }
        await look.close()
    }

    func declareQueue(_ name: String, isDurable: Bool = true, _ arguments: FieldTable = [:]) -> OutgoingMethod {
        .declareQueue(QueueDeclaration(name: name, isDurable: isDurable, deletesItself: false, arguments: arguments))
    }

    func declareExchange(
        _ name: String, _ type: ExchangeDeclaration.Kind = .topic, isDurable: Bool = true
    ) -> OutgoingMethod {
        .declareExchange(ExchangeDeclaration(name: name, type: type, isDurable: isDurable, deletesItself: false))
    }

    /// Consumes a server's requests as `consumers` servers would, and answers none.
    func withDeafServers<Result: Sendable>(
        _ consumers: Int = 1, options: [TransportURL.Option] = Examination.options,
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let transport = try Transport(url(options), drivers: DriverRegistry(.rabbitMQ()), logger: quietLogger)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await transport.run() }
            defer { group.cancelAll() }
            return try await subscribed(transport, consumers, body)
        }
    }

    private func subscribed<Result: Sendable>(
        _ transport: Transport, _ rest: Int, _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let options = SubscriptionOptions(prefetch: 1, deadline: .now + .seconds(30))
        return try await transport.withSubscription(to: .topic(Examination.topic), options: options) { _ in
            try await transport.withSubscription(to: .server(Examination.topic, server: "host1"), options: options) {
                _ in
                rest > 1 ? try await subscribed(transport, rest - 1, body) : try await body()
            }
        }
    }

    /// Waits for something at the broker, within a limit.
    func waits(
        sourceLocation: SourceLocation = #_sourceLocation, for isSo: () async throws -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while try await !isSo() {
            try #require(ContinuousClock.now < deadline, sourceLocation: sourceLocation)
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Publishes to a queue by its name.
    func publish(_ count: Int, to queue: String) async throws {
        let transport = try Transport(url(), drivers: DriverRegistry(.rabbitMQ()), logger: quietLogger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await transport.run() }
            defer { group.cancelAll() }
            for _ in 0..<count {
                try await transport.publish(
                    Message(body: [1]), to: .mailbox(Mailbox(named: queue)),
                    deadline: .now + .seconds(20), mandatory: true)
            }
        }
    }

    /// Serves the topic as host1.
    func serving<Result>(
        hasPing: Bool = true, options: [TransportURL.Option] = Examination.options,
        _ body: () async throws -> Result
    ) async throws -> Result {
        try await withMessageQueue(
            url(options), drivers: DriverRegistry(.rabbitMQ()), logger: quietLogger
        ) { queue in
            var router = RPCRouter()
            router.register("hello") { _, _ in "hello" }
            if hasPing { router.registerPing() }
            return try await withRPCServer(
                queue, topic: Examination.topic, name: "host1", router: router, logger: quietLogger, body)
        }
    }
}

/// Brokers that have TLS and the management API, for the tests of this process.
enum Equipment {
    private struct Equipped {
        var broker: TestBroker
        var managementPort: Int
    }

    private static let starts = Locked<[Bool: Task<Equipped, any Error>]>([:])

    static func broker(hasTransients: Bool = false) async throws -> TestBroker {
        try await equipped(hasTransients).broker
    }

    static func managementPort(hasTransients: Bool = false) async throws -> Int {
        try await equipped(hasTransients).managementPort
    }

    private static func equipped(_ hasTransients: Bool) async throws -> Equipped {
        try await starts.withLock { starts in
            let task = starts[hasTransients] ?? Task { try await start() }
            starts[hasTransients] = task
            return task
        }.value
    }

    private static func start() async throws -> Equipped {
        let port = try LoopbackPort.free(1)[0]
        var configuration = TestBrokerConfiguration()
        configuration.tls = .init(certificate: file("good.pem"), key: file("good.key"), authority: file("ca.pem"))
        configuration.plugins = ["rabbitmq_management"]
        configuration.settings = [
            "management.tcp.port = \(port)", "management.tcp.ip = 127.0.0.1", "default_user_tags.administrator = true",
        ]
        return Equipped(broker: try await TestBroker.start(configuration), managementPort: port)
    }

    /// A file of the folder Data.
    static func file(_ name: String) -> String {
        Bundle.module.url(forResource: "Data/\(name)", withExtension: nil)!.path
    }
}
#endif
