#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif
public import SwitchboardCore

/// A real RabbitMQ server of one's own, for tests.
///
/// It listens on 127.0.0.1 alone, at ports that were free, with its own data directory, Erlang port mapper and user;
/// nothing of it outlives the process that started it. A start takes about six seconds, so a test run shares one
/// (``shared()``), and each test has a virtual host (``withVirtualHost(_:)``, some 15 ms):
///
///     let broker = try await TestBroker.shared()
///     try await broker.withVirtualHost { name in
///         let url = broker.url(virtualHost: name)
///         …
///     }
///
/// A test that stops, pauses or restarts the server starts its own with ``withBroker(_:_:)``.
public final class TestBroker: Sendable {
    struct Ports: Sendable {
        var amqp: Int
        var tls: Int
        var distribution: Int
    }

    let configuration: TestBrokerConfiguration
    let ports: Ports
    let mapper: PortMapper
    let nodeName: String
    let server: String
    let directory: ScratchDirectory
    let isInCluster: Bool
    let node = Locked<GuardedProcess?>(nil)

    /// A user with all permissions in every virtual host that ``addVirtualHost(_:)`` makes, and an administrator.
    public let username = "switchboard"

    public let password: Secret

    /// Where it listens for AMQP, on 127.0.0.1; the same after a restart.
    public var port: Int { ports.amqp }

    /// Where it listens for AMQP over TLS; `nil` unless configured.
    public var tlsPort: Int? { configuration.tls == nil ? nil : ports.tls }

    /// The server's log, for a person to read.
    public var logFile: String { "\(directory.path)/node.log" }

    /// Starts a broker, and stops it when `body` ends.
    public static func withBroker<Result>(
        _ configuration: TestBrokerConfiguration = TestBrokerConfiguration(),
        _ body: (TestBroker) async throws -> Result
    ) async throws -> Result {
        let broker = try await start(configuration)
        do {
            let result = try await body(broker)
            await broker.stop()
            return result
        } catch {
            await broker.stop()
            throw error
        }
    }

    /// Starts a broker; returns when it answers. The caller stops it with ``stop()``; when the process ends without, it
    /// is stopped all the same.
    public static func start(
        _ configuration: TestBrokerConfiguration = TestBrokerConfiguration()
    ) async throws -> TestBroker {
        let mapper = try await PortMapper.start()
        do {
            return try await start(configuration, mapper: mapper, group: Group())
        } catch {
            await mapper.end()
            throw error
        }
    }

    /// What the nodes of a cluster have in common.
    struct Group: Sendable {
        /// Lets nodes and tools of Erlang talk to each other.
        var cookie = randomName(24)
        var password = Secret(randomName(20))
        var isCluster = false
    }

    static func start(
        _ configuration: TestBrokerConfiguration, mapper: PortMapper, group: Group
    ) async throws -> TestBroker {
        var lastError = TestBrokerError("The broker was not started.")
        // Somebody else may take a port between our look and the server's.
        for _ in 0..<5 {
            let broker = try TestBroker(configuration, mapper: mapper, group: group)
            do {
                try await broker.startNode()
                return broker
            } catch let error as TestBrokerError {
                await broker.discard()
                guard error.description.contains("eaddrinuse") else { throw error }
                lastError = error
            } catch {
                await broker.discard()
                throw error
            }
        }
        throw lastError
    }

    /// The one broker that the tests of this process share. It ends with the process.
    public static func shared() async throws -> TestBroker {
        try await sharedStart.withLock { start in
            let task = start ?? Task { try await TestBroker.start() }
            start = task
            return task
        }.value
    }

    private static let sharedStart = Locked<Task<TestBroker, any Error>?>(nil)

    private init(
        _ configuration: TestBrokerConfiguration, mapper: PortMapper, group: Group
    ) throws(TestBrokerError) {
        self.configuration = configuration
        self.mapper = mapper
        server = try configuration.findServer()
        let free = try LoopbackPort.free(3)
        ports = Ports(amqp: free[0], tls: free[1], distribution: free[2])
        nodeName = "switchboard-\(Self.randomName(8))@localhost"
        password = group.password
        isInCluster = group.isCluster
        directory = try ScratchDirectory(prefix: "switchboard-broker")
        try directory.create(".erlang.cookie", group.cookie, mode: 0o400)
        try directory.create("control.script", BrokerControl.script)
        try directory.create("rabbitmq.conf", serverConfiguration.joined(separator: "\n") + "\n")
        try directory.create("advanced.config", "[].\n")
        try directory.create("enabled_plugins", "[\(configuration.plugins.joined(separator: ","))].\n")
        try directory.create("rabbitmq-env.conf", "")
    }

    /// The URL of a virtual host, for ``username`` or somebody else. `nil` gives a URL without a path.
    public func url(
        virtualHost: String?, username: String? = nil, password: Secret? = nil, scheme: String = "rabbit"
    ) -> TransportURL {
        let host = TransportURL.Host(
            username: username ?? self.username, password: password ?? self.password, name: "127.0.0.1",
            port: scheme == "amqps" ? ports.tls : ports.amqp)
        return TransportURL(scheme: scheme, hosts: [host], virtualHost: virtualHost)
    }

    /// Kills the server and removes its directory.
    public func stop() async {
        await discard()
        // The nodes of a cluster share theirs.
        if !isInCluster { await mapper.end() }
    }

    /// Evaluates Erlang in the server's node: expressions that end in `.` and give text (an iolist).
    public func evaluate(_ erlang: String, within limit: Duration = .seconds(15)) async throws -> String {
        try await control.evaluate(erlang, within: limit)
    }

    var control: BrokerControl {
        BrokerControl(path: "\(directory.path)/control")
    }

    func discard() async {
        await node.withLock { $0 }?.end()
        directory.remove()
    }

    /// Lower-case letters and digits, as many as asked for.
    static func randomName(_ length: Int) -> String {
        String((0..<length).map { _ in "abcdefghijklmnopqrstuvwxyz0123456789".randomElement()! })
    }
}
