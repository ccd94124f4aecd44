import Foundation
import SwitchboardMessaging
import Testing

/// `switchboard config explain`, with configurations as people have them.
@Suite(.timeLimit(.minutes(5))) struct ConfigExplainTests {
    private let program: Program

    init() throws {
        program = try Program()
    }

    private static let transport = "[DEFAULT]\ntransport_url = rabbit://nova:hunter2@mq/\n[oslo_messaging_rabbit]\n"

    private func explain(_ text: String, _ options: String...) throws -> Program.Result {
        try Data(text.utf8).write(to: URL(fileURLWithPath: program.folder + "/nova.conf"))
        let result = try program.start(
            ["config", "explain", "--config-file", "nova.conf"] + options, environment: ["SWITCHBOARD_DATABASE": ""]
        ).wait()
        #expect(!result.output.contains("hunter2") && !result.errors.contains("hunter2"), "\(result)")
        return result
    }

    @Test func `Genestack's quorum queues without transient ones hang on RabbitMQ 4.3`() throws {
        let text = Self.transport + "rabbit_quorum_queue = true\nrabbit_transient_quorum_queue = false\n"
        let refused = try explain(text, "--broker-version", "4.3")
        #expect(refused.status == 2, "\(refused)")
        #expect(
            refused.output.contains(
                "error: nova.conf:5: [oslo_messaging_rabbit] rabbit_transient_quorum_queue: RabbitMQ 4.3 refuses"),
            "\(refused)")
        #expect(refused.output.contains("Set rabbit_transient_quorum_queue = true."))
        #expect(try explain(text, "--broker-version", "4.2.1").status == 0)
        let unknown = try explain(text)
        #expect(unknown.status == 1 && unknown.output.contains("warning: nova.conf:5:"), "\(unknown)")
    }

    @Test func `Understack's plural is ignored by oslo.messaging, and the right name is said`() throws {
        let result = try explain(Self.transport + "rabbit_quorum_queues = true\n")
        #expect(result.status == 1, "\(result)")
        #expect(
            result.output.contains(
                "warning: nova.conf:4: [oslo_messaging_rabbit] rabbit_quorum_queues: oslo.messaging doesn't know it and "
                    + "ignores it; did you mean rabbit_quorum_queue?"), "\(result)")
    }

    /// Lines of `[oslo_messaging_rabbit]`, a broker's version, and what is found: the severity, the option, a part of the sentence.
    static let cases: [(lines: String, broker: String?, finding: String?)] = [
        ("", "4.2", nil), ("", "4.3", "error: [oslo_messaging_rabbit] rabbit_transient_quorum_queue"),
        (
            "amqp_durable_queues = true", "4.3",
            "error: nova.conf:4: [oslo_messaging_rabbit] rabbit_transient_quorum_queue"
        ),
        (
            "rabbit_transient_quorum_queue = true\nuse_queue_manager = true\n[oslo_concurrency]\nlock_path = /run/x",
            "4.3.6",
            "error: [oslo_messaging_rabbit] rabbit_quorum_queue: RabbitMQ 4.3 refuses the transient queues of topics"
        ),
        (
            "amqp_durable_queues = on\nrabbit_transient_quorum_queue = true\nuse_queue_manager = true\n"
                + "[oslo_concurrency]\nlock_path = /run/x", "4.3", nil
        ),
        (
            "rabbit_transient_quorum_queue = true\nrabbit_quorum_queue = true", "4.3",
            "warning: nova.conf:4: [oslo_messaging_rabbit] rabbit_transient_quorum_queue: Every start"
        ),
        (
            "use_queue_manager = true", nil,
            "error: nova.conf:4: [oslo_messaging_rabbit] use_queue_manager: It needs a lock path"
        ),
        (
            "rabbit_ha_queues = true", "3.13",
            "warning: nova.conf:4: [oslo_messaging_rabbit] rabbit_ha_queues: RabbitMQ 3.13 ignores"
        ),
        (
            "rabbit_ha_queues = true\nrabbit_quorum_queue = true", "4.0",
            "error: nova.conf:4: [oslo_messaging_rabbit] rabbit_ha_queues: Programs don't connect"
        ),
        (
            "amqp_auto_delete = 1\nrabbit_quorum_queue = 1", "4.0",
            "error: nova.conf:4: [oslo_messaging_rabbit] amqp_auto_delete"
        ),
        (
            "rabbit_quorum_queue = 1", "3.7",
            "error: nova.conf:4: [oslo_messaging_rabbit] rabbit_quorum_queue: RabbitMQ 3.7 has no quorum"
        ),
        (
            "rabbit_quorum_queue = 1\nrabbit_quorum_max_memory_bytes = 10", "3.10",
            "warning: nova.conf:5: [oslo_messaging_rabbit] rabbit_quorum_max_memory_bytes: RabbitMQ 3.10 ignores"
        ),
        (
            "rabbit_quorum_delivery_limit = 3", nil,
            "warning: nova.conf:4: [oslo_messaging_rabbit] rabbit_quorum_delivery_limit: It has no effect"
        ),
        ("rabbit_stream_fanout = true", "4.0", "error: nova.conf:4: [oslo_messaging_rabbit] rabbit_stream_fanout"),
        ("rpc_conn_pool_size = 1", nil, "error: nova.conf:4: [oslo_messaging_rabbit] rpc_conn_pool_size"),
        (
            "heartbeat_timeout_threshold = 0", nil,
            "warning: nova.conf:4: [oslo_messaging_rabbit] heartbeat_timeout_threshold"
        ),
        (
            "rabbit_transient_queues_ttl = 0", nil,
            "warning: nova.conf:4: [oslo_messaging_rabbit] rabbit_transient_queues_ttl"
        ),
        (
            "ssl_ca_file = /x", nil,
            "warning: nova.conf:4: [oslo_messaging_rabbit] ssl_ca_file: It has no effect without ssl"
        ),
        (
            "ssl = true\nssl_version = TLSv1_2", nil,
            "warning: nova.conf:5: [oslo_messaging_rabbit] ssl_version: With it and without ssl_ca_file"
        ),
        ("kombu_reconnect_delay = 5", nil, "error: nova.conf:4: [oslo_messaging_rabbit] kombu_reconnect_delay"),
        ("rabbit_quorum_queue = maybe", nil, "error: nova.conf:4: [oslo_messaging_rabbit] rabbit_quorum_queue"),
        ("rabbit_login_method = SECRET", nil, "error: nova.conf:4: [oslo_messaging_rabbit] rabbit_login_method"),
        (
            "kombu_reconnect_timeout = 5", nil,
            "warning: nova.conf:4: [oslo_messaging_rabbit] kombu_reconnect_timeout: The name is deprecated. Write "
                + "[oslo_messaging_rabbit] kombu_missing_consumer_retry_timeout."
        ),
        (
            "direct_mandatory_flag = true", nil,
            "warning: nova.conf:4: [oslo_messaging_rabbit] direct_mandatory_flag: The option is deprecated"
        ),
        (
            "heartbeat_in_pthread = true", nil,
            "warning: nova.conf:4: [oslo_messaging_rabbit] heartbeat_in_pthread: oslo.messaging 18"
        ),
        (
            "rabbit_host = mq", nil,
            "warning: nova.conf:4: [oslo_messaging_rabbit] rabbit_host: oslo.messaging doesn't read it any more. Write transport_url"
        ),
        (
            "control_exchange = nova", nil,
            "warning: nova.conf:4: [oslo_messaging_rabbit] control_exchange: oslo.messaging doesn't read it here. It belongs in [DEFAULT]"
        ),
        (
            "[default]\nrabbit = 1", nil,
            "warning: nova.conf:5: Nothing reads the section [default]; did you mean [DEFAULT]?"
        ),
        (
            "[oslo_messaging_rabbitmq]\nssl = 1", nil,
            "warning: nova.conf:5: Nothing reads the section [oslo_messaging_rabbitmq]; did you mean [oslo_messaging_rabbit]?"
        ),
        (
            "[DEFAULT]\nrabbit_quorum_queue = true", nil,
            "warning: nova.conf:5: [DEFAULT] rabbit_quorum_queue: oslo.messaging doesn't read it here."
        ),
        (
            "[DEFAULT]\ntransport_ulr = x", nil,
            "warning: nova.conf:5: [DEFAULT] transport_ulr: oslo.messaging doesn't know it and ignores it; did you mean transport_url?"
        ),
        ("[DEFAULT]\nmy_ip = 10.0.0.1\nstate_path = /var/lib/nova", nil, nil),
        (
            "[oslo_messaging_notifications]\ndriver = messagingv3", nil,
            "warning: nova.conf:5: [oslo_messaging_notifications] driver: There is no driver messagingv3"
        ),
        ("[oslo_messaging_notifications]\ndriver = messagingv2\ntopics = notifications", nil, nil),
        (
            "[DEFAULT]\ntransport_url = rabbit://{username}:hunter2@h/", nil,
            "error: nova.conf:5: [DEFAULT] transport_url: It has {variables} in it"
        ),
        (
            "[database]\nconnection = mysql://nova:hunter$2@db/x\nslave_connection = mysql://nova:hun$ter2@db/x", nil,
            "error: nova.conf:6: [database] slave_connection: The value of [database] slave_connection refers by $"
        ),
    ]

    #if RabbitMQ
        @Test func `An option in a URL that the driver doesn't know is an error, with the line`() throws {
            let result = try explain(
                Self.transport + "[oslo_messaging_notifications]\n"
                    + "transport_url = rabbit://u:hunter2@h/?rabbit_quorum_queues=1\n")
            #expect(result.status == 2, "\(result)")
            #expect(
                result.output.contains(
                    "error: nova.conf:5: [oslo_messaging_notifications] transport_url: rabbit:// has no option "
                        + "\"rabbit_quorum_queues\"; did you mean"), "\(result)")
        }
    #endif

    @Test(arguments: cases.indices)
    func `What is wrong is found, and nothing else`(index: Int) throws {
        let (lines, broker, finding) = Self.cases[index]
        let options = broker.map { ["--broker-version", $0] } ?? []
        try Data((Self.transport + lines + "\n").utf8).write(to: URL(fileURLWithPath: program.folder + "/nova.conf"))
        let result = try program.start(["config", "explain", "--config-file", "nova.conf"] + options).wait()
        let found = result.lines.filter { $0.hasPrefix("warning: ") || $0.hasPrefix("error: ") }
        if let finding {
            #expect(found.contains { $0.hasPrefix(finding) }, "\(finding)\n\(found.joined(separator: "\n"))")
            #expect(result.status == (found.contains { $0.hasPrefix("error") } ? 2 : 1), "\(result)")
        } else {
            #expect(found.isEmpty && result.status == 0, "\(found.joined(separator: "\n"))")
            #expect(result.output.hasSuffix("\n\nNothing is wrong.\n"))
        }
        #expect(!result.output.contains("hunter2") && !result.errors.contains("hunter2"))
    }

    @Test func `Each option is shown with its value and where it comes from`() throws {
        let result = try explain(
            Self.transport + "rabbit_qos_prefetch_count = 10\nkombu_reconnect_timeout = 7\n", "--json")
        let json = try result.json()
        #expect(json["files"] == ["nova.conf"] && json["oslo_version"] == 18 && json["broker_version"] == .null)
        var options: [String: JSONValue] = [:]
        var index = 0
        while let option = json["options"]?[index] {
            if case .string(let name)? = option["name"], option["group"] != "api_database" { options[name] = option }
            index += 1
        }
        #expect(index > 45)
        #expect(options["rabbit_qos_prefetch_count"]?["value"] == "10")
        #expect(
            options["rabbit_qos_prefetch_count"]?["line"] == 4
                && options["rabbit_qos_prefetch_count"]?["file"] == "nova.conf")
        #expect(options["heartbeat_rate"]?["value"] == "3" && options["heartbeat_rate"]?["default"] == true)
        let renamed = options["kombu_missing_consumer_retry_timeout"]
        #expect(renamed?["deprecated_name"] == "[oslo_messaging_rabbit] kombu_reconnect_timeout")
        #expect(json["findings"]?[0]?["severity"] == "warning" && json["findings"]?[0]?["line"] == 5)
        let text = try explain(Self.transport)
        #expect(text.output.contains("rabbit://nova:***@mq/"), "\(text)")
    }

    @Test func `What an older oslo.messaging doesn't know is said for it`() throws {
        let text = Self.transport + "rabbit_stream_fanout = false\nheartbeat_in_pthread = false\n"
        let old = try explain(text, "--oslo-version", "13")
        #expect(
            old.output.contains("rabbit_stream_fanout: oslo.messaging 13 doesn't read it: no version before 14 does."))
        #expect(old.output.contains("heartbeat_in_pthread: The option is deprecated"), "\(old)")
        #expect(try explain(text, "--oslo-version", "11").status == 64)
    }

    @Test func `A file that can't be read is an error like the others, and no file is wrong usage`() throws {
        let broken = try explain("[DEFAULT]\nhunter2\n")
        #expect(broken.status == 2, "\(broken)")
        #expect(broken.output.contains("error: nova.conf:2: The line has neither"), "\(broken)")
        #expect(try program.run("config", "explain").status == 64)
        let missing = try program.run("config", "explain", "--config-file", "none.conf")
        #expect(missing.status == 2 && missing.output.contains("none.conf"), "\(missing)")
    }

    @Test func `Templates of cells are checked against the file when asked to`() throws {
        #expect(try program.run("init").status == 0)
        #expect(
            try program.run(
                "cell", "create", "--name", "one", "--transport-url", "rabbit://{username}:{password}@{hostname}/one"
            ).status == 0)
        try Data("[DEFAULT]\ncontrol_exchange = nova\n".utf8).write(
            to: URL(fileURLWithPath: program.folder + "/nova.conf"))
        let lacking = try program.run("config", "explain", "--cells", "--config-file", "nova.conf")
        #expect(lacking.status == 1, "\(lacking)")
        #expect(
            lacking.output.contains("is a template; give --base-transport-url"), "\(lacking)")
        #expect(lacking.output.contains("[DEFAULT] transport_url: It isn't set"), "\(lacking)")
        try Data(Self.transport.utf8).write(to: URL(fileURLWithPath: program.folder + "/nova.conf"))
        let whole = try program.run("config", "explain", "--cells", "--config-file", "nova.conf")
        #expect(!whole.output.contains("is a template"), "\(whole)")
        #if RabbitMQ
            #expect(whole.status == 0, "\(whole)")
        #endif
    }
}
