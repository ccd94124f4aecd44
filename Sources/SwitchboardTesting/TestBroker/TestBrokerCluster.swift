public import SwitchboardCore

/// Several RabbitMQ servers that form one cluster, for tests.
///
/// Virtual hosts, users and queues are the cluster's: what ``TestBroker/addVirtualHost(_:)`` of one makes, all have. Each
/// node is stopped, killed, paused and restarted by itself. A start takes about twenty seconds.
public final class TestBrokerCluster: Sendable {
    /// The nodes; all have the same user and password.
    public let brokers: [TestBroker]

    private init(_ brokers: [TestBroker]) {
        self.brokers = brokers
    }

    /// Starts a cluster, and stops it when `body` ends.
    public static func withCluster<Result>(
        of size: Int = 3,
        _ configuration: TestBrokerConfiguration = TestBrokerConfiguration(),
        _ body: (TestBrokerCluster) async throws -> Result
    ) async throws -> Result {
        precondition(size >= 1, "A cluster has at least one node, not \(size).")
        return try await withCluster(Array(repeating: configuration, count: size), body)
    }

    /// The same with a configuration for each node.
    package static func withCluster<Result>(
        _ configurations: [TestBrokerConfiguration], _ body: (TestBrokerCluster) async throws -> Result
    ) async throws -> Result {
        let mapper = try await PortMapper.start()
        var brokers: [TestBroker] = []
        do {
            let group = TestBroker.Group(isCluster: true)
            for configuration in configurations {
                brokers.append(try await TestBroker.start(configuration, mapper: mapper, group: group))
            }
            for broker in brokers.dropFirst() {
                try await broker.join(brokers[0])
            }
            let result = try await body(TestBrokerCluster(brokers))
            await stop(brokers, mapper)
            return result
        } catch {
            await stop(brokers, mapper)
            throw error
        }
    }

    private static func stop(_ brokers: [TestBroker], _ mapper: PortMapper) async {
        for broker in brokers { await broker.stop() }
        await mapper.end()
    }

    /// The URL of a virtual host, with every node as a host.
    public func url(virtualHost: String?, scheme: String = "rabbit") -> TransportURL {
        let urls = brokers.map { $0.url(virtualHost: virtualHost, scheme: scheme) }
        return TransportURL(scheme: scheme, hosts: urls.flatMap(\.hosts), virtualHost: virtualHost)
    }
}

extension TestBroker {
    /// How many nodes of its cluster run, as this node sees it.
    public func runningNodes() async throws -> Int {
        Int(try await evaluate("integer_to_list(length(rabbit_nodes:all_running())).")) ?? 0
    }

    /// Forgets everything and becomes a node of the other's cluster.
    fileprivate func join(_ other: TestBroker) async throws {
        // RabbitMQ 4.3 has no Mnesia any more; older ones may not have the other module.
        _ = try await evaluate(
            """
            rabbit:stop(),
            code:ensure_loaded(rabbit_mnesia),
            case erlang:function_exported(rabbit_mnesia, join_cluster, 2) of
                true -> ok = rabbit_mnesia:join_cluster('\(other.nodeName)', disc);
                false -> ok = rabbit_db_cluster:join('\(other.nodeName)', disc)
            end,
            rabbit:start(), [].
            """,
            within: .seconds(120))
    }
}
