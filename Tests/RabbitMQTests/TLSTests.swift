#if RabbitMQ && TLS
import Foundation
import SwitchboardCore
import SwitchboardTesting
import Testing

@testable import SwitchboardRabbitMQ

@Suite("TLS", .serialized, .timeLimit(.minutes(2)))
struct TLSTests {
    private static func file(_ name: String) -> String {
        Bundle.module.url(forResource: "Data/tls/\(name)", withExtension: nil)!.path
    }

    /// The broker of those tests that want the same one, as a start takes seconds. It ends with the process.
    private static func broker(_ certificate: String, requiresClientCertificate: Bool) async throws -> TestBroker {
        var configuration = TestBrokerConfiguration()
        configuration.tls = .init(
            certificate: file("\(certificate).pem"), key: file("\(certificate).key"), authority: file("ca.pem"),
            requiresClientCertificate: requiresClientCertificate)
        return try await brokers.withLock { [configuration] brokers in
            let name = "\(certificate), \(requiresClientCertificate)"
            let start = brokers[name] ?? Task { try await TestBroker.start(configuration) }
            brokers[name] = start
            return start
        }.value
    }

    private static let brokers = Locked<[String: Task<TestBroker, any Error>]>([:])

    /// One message through a broker whose certificate is `certificate`, with the options given.
    ///
    /// - Parameter patience: how long to try. What is refused is tried until then.
    private func send(
        certificate: String = "server", requiresClientCertificate: Bool = false, scheme: String = "amqps",
        options: [(String, String)], patience: Duration = .seconds(60)
    ) async throws {
        let broker = try await Self.broker(certificate, requiresClientCertificate: requiresClientCertificate)
        try await broker.withVirtualHost { name in
            var url = broker.url(virtualHost: name, scheme: "amqps")
            url.scheme = scheme
            url.options = options.map { TransportURL.Option($0.0, $0.1) }
            let driver = try DriverUnderTest(url, logger: quietLogger)
            try await withRunning(driver) {
                try await driver.publish(
                    Message(body: [UInt8](repeating: 1, count: 500_000)), to: .notifications(Topic("n.info")),
                    options: .within(patience))
                try await driver.withSubscription(to: .notifications(Topic("n.info")), options: .soon) { deliveries in
                    var iterator = deliveries.makeAsyncIterator()
                    let delivery = try await iterator.next()
                    #expect(delivery?.message.body.count == 500_000)
                }
            }
        }
    }

    @Test("A certificate of the known authority, for the right address, is accepted")
    func accepted() async throws {
        try await send(options: [("ssl_ca_file", Self.file("ca.pem"))])
    }

    @Test("oslo.messaging's options do the same as the scheme")
    func options() async throws {
        try await send(
            scheme: "rabbit",
            options: [("ssl_ca_file", Self.file("ca.pem")), ("ssl", "true"), ("ssl_version", "TLSv1_3")])
    }

    @Test(
        "A certificate of a stranger or for another name is refused, and the reason says so",
        arguments: [("server", "stranger"), ("elsewhere", "ca")])
    func refused(certificate: String, authority: String) async throws {
        let error = await #expect(throws: TransportError.self) {
            try await send(
                certificate: certificate, options: [("ssl_ca_file", Self.file("\(authority).pem"))],
                patience: .seconds(10))
        }
        #expect(error?.code == .unavailable)
        #expect(error?.message.localizedCaseInsensitiveContains("certificate") == true)
    }

    @Test("A name that is not checked does not matter, when asked for")
    func unverifiedName() async throws {
        try await send(
            certificate: "elsewhere",
            options: [("ssl_ca_file", Self.file("ca.pem")), ("ssl_enforce_hostname_verification", "false")])
    }

    @Test("A broker that wants a certificate gets it")
    func clientCertificate() async throws {
        let authority = ("ssl_ca_file", Self.file("ca.pem"))
        try await send(
            requiresClientCertificate: true,
            options: [
                authority, ("ssl_cert_file", Self.file("client.pem")), ("ssl_key_file", Self.file("client.key")),
            ])
        let error = await #expect(throws: TransportError.self) {
            try await send(requiresClientCertificate: true, options: [authority], patience: .seconds(10))
        }
        #expect(error?.code == .unavailable)
    }

    @Test("EXTERNAL logs in by the name in the client's certificate, without a password")
    func external() async throws {
        var configuration = TestBrokerConfiguration()
        configuration.tls = .init(
            certificate: Self.file("server.pem"), key: Self.file("server.key"), authority: Self.file("ca.pem"),
            requiresClientCertificate: true)
        configuration.plugins = ["rabbitmq_auth_mechanism_ssl"]
        configuration.settings = ["auth_mechanisms.1 = EXTERNAL", "ssl_cert_login_from = common_name"]
        try await TestBroker.withBroker(configuration) { broker in
            try await broker.addVirtualHost("x")
            try await broker.addUser("client", password: "unknown to us")
            try await broker.setPermissions(of: "client", in: "x")
            var url = broker.url(virtualHost: "x", scheme: "amqps")
            url.hosts[0].username = nil
            url.hosts[0].password = nil
            let certificates = [
                ("ssl_ca_file", "ca.pem"), ("ssl_cert_file", "client.pem"), ("ssl_key_file", "client.key"),
            ]
            url.options =
                [.init("rabbit_login_method", "EXTERNAL")]
                + certificates.map { TransportURL.Option($0.0, Self.file($0.1)) }
            let driver = try DriverUnderTest(url, logger: quietLogger)
            try await withRunning(driver) {
                try await driver.publish("x", to: .topic(Topic("t")))
                await driver.waits { $0 == .ready }
                let users = try await broker.connections(in: "x").map(\.username)
                #expect(users == ["client", "client"])
            }
        }
    }

    @Test("Files that have changed are read again for the next connection; those that cannot be used change nothing")
    func renewed() async throws {
        let broker = try await Self.broker("server", requiresClientCertificate: false)
        let folder = try ScratchDirectory(prefix: "switchboard-tls")
        defer { folder.remove() }
        let authority = URL(fileURLWithPath: "\(folder.path)/ca.pem")
        let contents = ["stranger.pem", "ca.pem"].map { try? Data(contentsOf: URL(fileURLWithPath: Self.file($0))) }
        try #require(contents[0]).write(to: authority, options: .atomic)
        let log = LogCollector()
        try await broker.withVirtualHost { name in
            var url = broker.url(virtualHost: name, scheme: "amqps")
            url.options = [.init("ssl_ca_file", authority.path)]
            let driver = try DriverUnderTest(url, logger: log.logger)
            try await withRunning(driver) {
                let topic = Address.notifications(Topic("n.info"))
                for text in [nil, Data("no certificate".utf8)] {
                    if let text { try text.write(to: authority, options: .atomic) }
                    let error = await #expect(throws: TransportError.self) {
                        try await driver.publish(Message(body: []), to: topic, options: .within(.seconds(2)))
                    }
                    #expect(error?.code == .unavailable)
                }
                try #require(contents[1]).write(to: authority, options: .atomic)
                try await driver.publish("x", to: topic)
            }
        }
        // Two connections look at them, and one of them says so.
        #expect(log.lines.count { $0.contains("cannot be used") && $0.contains("ssl_ca_file") } == 1)
    }

    @Test("A file that is not there is an error when the driver is made", arguments: ["ssl_ca_file", "ssl_cert_file"])
    func missingFile(option: String) throws {
        let url = try TransportURL("amqps://h/?\(option)=/no/such/file")
        let error = #expect(throws: TransportError.self) { try DriverUnderTest(url, logger: quietLogger) }
        #expect(error?.code == .invalidOption)
        #expect(error?.message.contains(option) == true)
    }
}
#endif
