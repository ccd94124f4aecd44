#if RabbitMQ
import SwitchboardCore
import Testing

@testable import SwitchboardRabbitMQ

@Suite("Options of the URL")
struct OptionTests {
    private func configuration(_ query: String, scheme: String = "rabbit") throws -> RabbitMQConfiguration {
        try OsloOptions.apply(TransportURL("\(scheme)://h/?\(query)"), to: .osloDefaults)
    }

    @Test("Options have oslo.messaging's names, and win over the configuration")
    func names() throws {
        let configuration = try configuration(
            "amqp_durable_queues=1&rabbit_transient_queues_ttl=60&heartbeat_timeout_threshold=7"
                + "&rabbit_qos_prefetch_count=20&rabbit_interval_max=9&rabbit_login_method=PLAIN&use_queue_manager=on"
                + "&hostname=n&processname=p&rabbit_direct_requests=yes")
        #expect(configuration.topology.durableQueues)
        #expect(configuration.topology.transientQueuesTTL == .seconds(60))
        #expect(configuration.heartbeat == .seconds(7))
        #expect(configuration.maximumPrefetch == 20)
        #expect(configuration.maximumReconnectDelay == .seconds(9))
        #expect(configuration.loginMethod == .plain)
        #expect(configuration.topology.stableNames)
        #expect(configuration.topology.hostName == "n")
        #expect(configuration.topology.processName == "p")
        #expect(configuration.directRequests)
    }

    @Test(
        "What oslo.messaging accepts and this driver has no use for is accepted",
        arguments: [
            "rpc_conn_pool_size=10", "conn_pool_min_size=2", "conn_pool_ttl=1200", "kombu_reconnect_delay=1.5",
            "kombu_reconnect_splay=20", "kombu_missing_consumer_retry_timeout=60", "kombu_failover_strategy=shuffle",
            "rabbit_retry_interval=1", "rabbit_retry_backoff=2", "heartbeat_rate=3", "direct_mandatory_flag=true",
            "ssl_enforce_fips_mode=false", "amqp_durable_queues=", "amqp_durable_queues=&amqp_durable_queues=1",
        ])
    func accepted(query: String) throws {
        _ = try configuration(query)
    }

    @Test(
        "What makes no sense is refused, with the option and the reason",
        arguments: [
            ("rabbit_quorum_queues=true", "did you mean rabbit_quorum_queue?"),
            ("amqp_durable_queue=true", "did you mean amqp_durable_queues?"),
            ("foo=1", "has no option \"foo\""),
            ("amqp_durable_queues=maybe", "neither true nor false"),
            ("heartbeat_timeout_threshold=x", "isn't a whole number"),
            ("rabbit_qos_prefetch_count=65536", "0 to 65535"),
            ("kombu_reconnect_delay=5", "0.0 to 4.5"),
            ("kombu_failover_strategy=zzz", "neither round-robin nor shuffle"),
            ("rabbit_login_method=RABBIT-CR-DEMO", "isn't one of PLAIN"),
            ("amqp_durable_queues=1&amqp_durable_queues=0", "given twice"),
            ("amqp_durable_queue=", "did you mean amqp_durable_queues?"),
            ("rabbit_stream_fanout=true", "rabbit_transient_quorum_queue=true"),
            ("rabbit_ha_queues=1&rabbit_quorum_queue=1", "quorum"),
            ("amqp_auto_delete=1&rabbit_quorum_queue=1", "quorum"),
            ("kombu_compression=gzip", "uncompressed"),
            ("ssl=1&ssl_version=SSLv3", "TLSv1_2"),
        ])
    func refused(query: String, part: String) {
        let error = #expect(throws: TransportError.self) { try configuration(query) }
        #expect(error?.code == .invalidOption)
        #expect(error?.message.contains(part) == true)
    }

    @Test("TLS comes by the scheme or the option, and its other options refine it in any order")
    func tls() throws {
        #expect(try configuration("").tls == nil)
        #expect(try configuration("", scheme: "amqps").tls != nil)
        #expect(try configuration("ssl_ca_file=/a").tls == nil)
        let tls = try configuration("ssl_ca_file=/a&ssl_version=TLSv1_3&ssl=yes").tls
        #expect(tls?.authorityFile == "/a")
        #expect(tls?.minimumVersion == .tls13)
        #expect(tls?.verifiesHostName == true)
    }

    @Test("amqps without TLS is a contradiction")
    func contradiction() {
        let error = #expect(throws: TransportError.self) { try configuration("ssl=false", scheme: "amqps") }
        #expect(error?.code == .invalidOption)
        #expect(error?.message.contains("amqps") == true)
    }

    @Test(
        "Quorum queues that each start makes anew are warned of",
        arguments: [
            ("rabbit_transient_quorum_queue=true", true), ("rabbit_quorum_queue=true", false),
            ("rabbit_transient_quorum_queue=true&use_queue_manager=true", false),
        ])
    func quorumQueuesForEach(query: String, isWarned: Bool) throws {
        let log = LogCollector()
        _ = try DriverUnderTest(TransportURL("rabbit://h/?\(query)"), logger: log.logger)
        #expect(log.lines.contains { $0.contains("warning") && $0.contains("use_queue_manager") } == isWarned)
    }

    @Test(
        "Hosts are completed as oslo.messaging completes them, but for TLS's own port",
        arguments: [
            ("rabbit://", "localhost:5672", nil, "/"), ("rabbit://u:p@h/v", "h:5672", "u", "v"),
            ("rabbit://h:0//", "h:5672", nil, "/"), ("rabbit://h/%2Fx%25", "h:5672", nil, "/x%"),
            ("rabbit://[::1]/", "[::1]:5672", nil, "/"), ("rabbit://:p@h", "h:5672", nil, "/"),
        ] as [(String, String, String?, String)])
    func endpoints(text: String, address: String, username: String?, virtualHost: String) throws {
        let endpoint = try #require(Endpoint.all(of: TransportURL(text), usesTLS: false).first)
        #expect(endpoint.address == address)
        #expect(endpoint.username == username)
        #expect(endpoint.virtualHost == virtualHost)
        #expect(try Endpoint.all(of: TransportURL("rabbit://h"), usesTLS: true)[0].port == 5671)
    }

    @Test("No text of an endpoint or a login shows a password")
    func secrets() throws {
        let endpoint = try Endpoint.all(of: TransportURL("rabbit://u:c4nary@h"), usesTLS: false)[0]
        var dumped = ""
        dump(endpoint, to: &dumped)
        #expect(!"\(endpoint) \(endpoint.description(username: "u")) \(dumped)".contains("c4nary"))
    }

    @Test("Options of a configuration file hold where the URL's own don't say otherwise")
    func fileOptions() throws {
        func combined(_ url: String, _ options: (String, String)...) throws -> RabbitMQConfiguration {
            try OsloOptions.configuration(of: TransportURL(url), besides: options.map { .init($0.0, $0.1) })
        }
        let quorum = try combined(
            "rabbit://h/", ("rabbit_quorum_queue", "true"), ("heartbeat_timeout_threshold", "7"))
        #expect(quorum.topology.quorumQueues && quorum.heartbeat == .seconds(7))
        let own = try combined(
            "rabbit://h/?rabbit_quorum_queue=false&heartbeat_timeout_threshold=", ("rabbit_quorum_queue", "true"),
            ("heartbeat_timeout_threshold", "7"))
        #expect(!own.topology.quorumQueues && own.heartbeat == .seconds(7))
        let unknown = #expect(throws: TransportError.self) { try combined("rabbit://h/?rabbit_quorum_queues=") }
        #expect(unknown?.code == .invalidOption)
        // TLS options of the file refine what the URL turns on.
        let tls = try combined("rabbit://h/?ssl=1", ("ssl_ca_file", "/ca"), ("ssl_cert_file", "/c"))
        #expect(tls.tls?.authorityFile == "/ca" && tls.tls?.certificateFile == "/c")
        #expect(try combined("rabbit://h/", ("ssl_ca_file", "/ca")).tls == nil)
        #expect(try combined("amqps://h/", ("ssl", "false")).tls != nil)
        #expect(try combined("rabbit://h/?ssl=no", ("ssl", "true")).tls == nil)
        let error = #expect(throws: TransportError.self) {
            try combined("rabbit://h/?rabbit_quorum_queue=1", ("rabbit_ha_queues", "1"))
        }
        #expect(error?.message.contains("rabbit_ha_queues of the rabbit:// URL or its configuration file") == true)
        #expect(OsloOptions.refusal(of: .init("kombu_compression", "gzip")) != nil)
        #expect(OsloOptions.refusal(of: .init("rabbit_ha_queues", "true")) == nil)
        #expect(OsloOptions.refusal(of: .init("rabbit_ha_queue", "true")) != nil)
    }
}
#endif
