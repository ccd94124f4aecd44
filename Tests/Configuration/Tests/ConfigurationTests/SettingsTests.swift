import Configuration
import Testing

@testable import SwitchboardCells
@testable import SwitchboardCore
@testable import SwitchboardMessaging
@testable import SwitchboardRabbitMQ
@testable import SwitchboardSpool

@Suite("Settings that belong together", .timeLimit(.minutes(2)))
struct SettingsTests {
    @Test("A preset of the topology comes first, and other keys refine it", arguments: Source.allCases)
    func preset(_ source: Source) async throws {
        let config = try await source.reader(
            "rabbitmq", ["topology.preset": "quorum", "topology.quorumDeliveryLimit": 20, "heartbeat": 15])
        let configuration = try RabbitMQConfiguration(config: config)
        var topology = RabbitMQTopology.quorum
        topology.quorumDeliveryLimit = 20
        #expect(configuration.topology == topology)
        #expect(configuration.heartbeat == .seconds(15))
        #expect(configuration.tls == nil && configuration.credentials == nil)
    }

    @Test("Any key of TLS turns it on, unless it is turned off", arguments: Source.allCases)
    func tls(_ source: Source) async throws {
        func configuration(_ values: [String: Value]) async throws -> RabbitMQConfiguration {
            try RabbitMQConfiguration(config: try await source.reader("rabbitmq", values))
        }
        #expect(try await configuration(["tls.enabled": true]).tls == RabbitMQConfiguration.TLS())
        #expect(try await configuration(["tls.verifiesHostName": true]).tls == RabbitMQConfiguration.TLS())
        let tls = try await configuration(["tls.authorityFile": "/ca.pem", "tls.minimumVersion": "TLSv1_3"]).tls
        #expect(tls?.authorityFile == "/ca.pem" && tls?.minimumVersion == .tls13)
        #expect(try await configuration(["tls.authorityFile": "/ca.pem", "tls.enabled": false]).tls == nil)
    }

    @Test("Credentials need both parts", arguments: ["credentials.username", "credentials.password"])
    func credentials(_ key: String) async throws {
        let config = try await Source.json.reader("rabbitmq", [key: "one"])
        let error = #expect(throws: TransportError.self) { _ = try RabbitMQConfiguration(config: config) }
        #expect(error?.code == .invalidOption)
    }

    @Test("Credentials are those of the moment when they are asked for")
    func rotation() async throws {
        let provider = MutableInMemoryProvider(initialValues: [
            ["credentials", "username"]: "user", ["credentials", "password"]: ConfigValue("old", isSecret: true),
        ])
        let credentials = try RabbitMQConfiguration(config: ConfigReader(provider: provider)).credentials
        #expect(try await credentials?.credentials().password.reveal() == "old")
        provider.setValue(ConfigValue("new", isSecret: true), forKey: ["credentials", "password"])
        #expect(try await credentials?.credentials().password.reveal() == "new")
    }

    @Test("The name and password of the settings fill what the URL leaves open", arguments: Source.allCases)
    func url(_ source: Source) async throws {
        func url(_ values: [String: Value]) async throws -> TransportURL {
            try TransportURL(config: try await source.reader("transport", values))
        }
        let filled = try await url(["url": "rabbit://a,u:p@b/v", "username": "nova", "password": "secret"])
        #expect(filled.hosts.map(\.username) == ["nova", "u"])
        #expect(filled.hosts.map { $0.password?.reveal() } == ["secret", "p"])
        let named = try await url(["url": "rabbit://u@a", "password": "secret"])
        #expect(named.hosts.map { $0.password?.reveal() } == ["secret"])
        let error = await #expect(throws: TransportError.self) { _ = try await url(["username": "nova"]) }
        #expect(error?.message.contains("setting url of") == true)
    }

    @Test("A spool's directory is an absolute path", arguments: ["spool", "", "/", "///"])
    func directory(_ path: String) async throws {
        let config = try await Source.yaml.reader("spool", ["directory": .string(path)])
        #expect(throws: TransportError.self) { _ = try SpoolConfiguration(config: config) }
    }

    @Test("The smallest values trap nowhere")
    func smallest() async throws {
        let connection = try MessageQueueConnection(
            config: try await Source.json.reader("transport", ["url": "fake://smallest", "publishTimeout": 3]),
            drivers: .inProcessOnly, logger: quietLogger)
        #expect(connection.transport.configuration.publishTimeout == .seconds(3))
        let one = try await Source.environment.reader(
            "s",
            [
                "maximumConcurrency": 1, "batchSize": 1, "prefetch": 1, "maximumAttempts": 1, "duplicateWindow": 1,
                "duplicateLifetime": 0, "batchTimeout": 0, "requeueDelay": 0, "maximumRequeueDelay": 0,
                "retry.attempts": 1, "retry.firstPause": 0, "timeout": 0.001, "topic": "t", "directory": "/d",
                "replyRetryDuration": 0,
            ])
        _ = RPCServer(
            connection, topic: Topic("t"), name: "n", router: RPCRouter(),
            configuration: try RPCServerConfiguration(config: one), logger: quietLogger)
        try NotificationListenerConfiguration(config: one).validate()
        #expect(try NotificationRetry(config: one).delay(after: 1) == .milliseconds(100))
        let client = try RPCClient(connection, target: try RPCTarget(config: one), config: one)
        #expect(client.target == RPCTarget(topic: "t"))
        #expect(client.timeout == .milliseconds(1) && client.retry.attempts == 1)
        #expect(try SpoolConfiguration(config: one).directory == "/d")
    }

    @Test("A manager of cells takes its settings and the base of its templates", arguments: Source.allCases)
    func cells(_ source: Source) async throws {
        let config = try await source.reader(
            "cells",
            [
                "silenceLimit": 2.5, "transport.publishTimeout": 4, "maximumCount": 7,
                "base.transportURL": "rabbit://u:p@h/v",
            ])
        let cells = try CellContextManager(
            config: config, directory: InMemoryCellDirectory(), drivers: .inProcessOnly, logger: quietLogger)
        #expect(cells.configuration.silenceLimit == .seconds(2.5))
        #expect(cells.configuration.transport.publishTimeout == .seconds(4))
        #expect(cells.configuration.maximumCount == 7)
        #expect(cells.base == BaseURLs(transportURL: "rabbit://u:p@h/v"))
    }
}
