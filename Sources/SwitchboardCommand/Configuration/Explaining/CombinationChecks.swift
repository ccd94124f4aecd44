import OsloConfiguration
import StandardStreams

/// Values that don't go together, or that a broker doesn't take (rabbitmq-4.md, oslo-wire.md §2.3 and §6).
struct CombinationChecks {
    private(set) var findings: [ConfigurationFinding] = []
    private let settings: [OsloOption.Name: OsloSetting]
    private let files: OsloConfiguration
    private let broker: BrokerRelease?

    init(_ rows: [ConfigurationExplanation.Row], _ files: OsloConfiguration, broker: BrokerRelease?) {
        settings = Dictionary(
            rows.compactMap { row in row.setting.map { (row.option.name, $0) } },
            uniquingKeysWith: { first, _ in first })
        self.files = files
        self.broker = broker
        checkTransientQueues()
        checkQuorumQueues()
        checkStreams()
        checkMirroring()
        checkConnections()
        checkTLS()
        checkNotifications()
    }

    /// RabbitMQ 4.3 refuses transient queues that aren't exclusive, which all of oslo.messaging's are by default.
    private mutating func checkTransientQueues() {
        let isQuorum = isOn("rabbit_quorum_queue")
        let isDurable = isQuorum || isOn("amqp_durable_queues")
        guard broker.map({ $0 >= BrokerRelease(4, 3) }) ?? isQuorum else { return }
        let severity: ConfigurationFinding.Severity = broker == nil ? .warning : .error
        let release = broker.map { "RabbitMQ \($0)" } ?? "RabbitMQ 4.3 and later"
        let verb = broker == nil ? "refuse" : "refuses"
        if !isOn("rabbit_transient_quorum_queue") {
            report(
                severity, "rabbit_transient_quorum_queue",
                orElse: isQuorum ? "rabbit_quorum_queue" : "amqp_durable_queues",
                "\(release) \(verb) the transient queues of replies and fanouts, and calls hang without a reason. Set "
                    + "rabbit_transient_quorum_queue = true.")
        }
        if !isDurable {
            report(
                severity, "rabbit_quorum_queue", orElse: "amqp_durable_queues",
                "\(release) \(verb) the transient queues of topics and servers, and servers hang. Set rabbit_quorum_queue "
                    + "= true, or amqp_durable_queues = true.")
        }
    }

    private mutating func checkQuorumQueues() {
        let isQuorum = isOn("rabbit_quorum_queue")
        let isTransientQuorum = isOn("rabbit_transient_quorum_queue")
        if isQuorum, isOn("amqp_auto_delete") {
            report(
                .error, "amqp_auto_delete",
                "RabbitMQ has no quorum queues that delete themselves, and refuses them. Take amqp_auto_delete out.")
        }
        let limits = [
            "rabbit_quorum_delivery_limit", "rabbit_quorum_max_memory_length", "rabbit_quorum_max_memory_bytes",
        ]
        for name in limits where (number(name) ?? 0) > 0 {
            if !isQuorum, !isTransientQuorum {
                report(.warning, name, "It has no effect without rabbit_quorum_queue = true.")
            } else if name.contains("memory"), let broker, broker >= BrokerRelease(3, 10) {
                report(.warning, name, "RabbitMQ \(broker) ignores it. Take it out.")
            }
        }
        if let broker, broker < BrokerRelease(3, 8) {
            for name in ["rabbit_quorum_queue", "rabbit_transient_quorum_queue"] where isOn(name) {
                report(.error, name, "RabbitMQ \(broker) has no quorum queues; 3.8 is the first that has.")
            }
        }
        if isTransientQuorum, !isOn("use_queue_manager") {
            report(
                .warning, "rabbit_transient_quorum_queue",
                "Every start of a program declares new quorum queues for replies and fanouts, and thousands of them a day "
                    + "harm a cluster. Set use_queue_manager = true, which gives them stable names.")
        }
        if isOn("use_queue_manager"), lockPath == nil {
            report(
                .error, "use_queue_manager",
                "It needs a lock path, or programs don't start. Set lock_path in [oslo_concurrency].")
        }
        if number("rabbit_transient_queues_ttl") == 0 {
            report(
                .warning, "rabbit_transient_queues_ttl",
                "Queues of replies and fanouts that nobody uses any more stay for ever. Give it seconds.")
        }
    }

    private mutating func checkStreams() {
        guard isOn("rabbit_stream_fanout") else { return }
        if !isOn("rabbit_transient_quorum_queue") || number("rabbit_qos_prefetch_count") == 0 {
            report(
                .error, "rabbit_stream_fanout",
                "Programs don't connect with it unless rabbit_transient_quorum_queue = true and rabbit_qos_prefetch_count "
                    + "is above 0.")
        }
        if let broker, broker < BrokerRelease(3, 9) {
            report(.error, "rabbit_stream_fanout", "RabbitMQ \(broker) has no streams; 3.9 is the first that has.")
        }
    }

    private mutating func checkMirroring() {
        guard isOn("rabbit_ha_queues") else { return }
        if isOn("rabbit_quorum_queue") || isOn("rabbit_transient_quorum_queue") {
            report(.error, "rabbit_ha_queues", "Programs don't connect with it and quorum queues. Take it out.")
        } else {
            let release = broker.map { "RabbitMQ \($0)" } ?? "RabbitMQ"
            let remark =
                broker.map { $0 >= BrokerRelease(4, 0) } ?? true ? "; 4.0 and later have no mirrored queues at all" : ""
            report(
                .warning, "rabbit_ha_queues",
                "\(release) ignores it\(remark). Take it out, and use quorum queues for queues on several nodes.")
        }
    }

    private mutating func checkConnections() {
        if let size = number("rpc_conn_pool_size"), let least = number("conn_pool_min_size"), size < least {
            report(
                .error, "rpc_conn_pool_size", orElse: "conn_pool_min_size",
                "The pool is smaller than conn_pool_min_size (\(least)), with which programs don't start.")
        }
        if number("heartbeat_timeout_threshold") == 0 {
            report(
                .warning, "heartbeat_timeout_threshold",
                "Without heartbeats, a connection that is cut without a word is used until the system gives it up.")
        }
    }

    private mutating func checkTLS() {
        let files = ["ssl_ca_file", "ssl_cert_file", "ssl_key_file", "ssl_version"].filter { isGiven($0) }
        if !isOn("ssl") {
            for name in files { report(.warning, name, "It has no effect without ssl = true.") }
        } else if files.contains("ssl_version"), !files.contains("ssl_ca_file") {
            report(
                .warning, "ssl_version",
                "With it and without ssl_ca_file, nobody verifies the broker's certificate. Set ssl_ca_file.")
        }
        if isOn("ssl"), files.contains("ssl_cert_file") != files.contains("ssl_key_file") {
            let missing = files.contains("ssl_cert_file") ? "ssl_key_file" : "ssl_cert_file"
            report(.warning, missing == "ssl_key_file" ? "ssl_cert_file" : "ssl_key_file", "It needs \(missing) too.")
        }
    }

    private mutating func checkNotifications() {
        let known = ["messaging", "messagingv2", "log", "routing", "test", "noop"]
        let driver = MessagingOption.notificationDriver.name
        for name in settings[driver]?.texts ?? [] where !known.contains(name) {
            findings.append(
                .init(
                    severity: .warning, option: driver, place: settings[driver]?.origin,
                    message:
                        "There is no driver \(name.printable): nothing is sent by it, and only a log line says so. There are "
                        + "\(known.joined(separator: ", "))."))
        }
    }

    private var lockPath: String? {
        let name = OsloOption.Name(group: "oslo_concurrency", name: "lock_path")
        return files.assignments(of: name).last.flatMap { $0.assignment.text.isEmpty ? nil : $0.assignment.text }
    }

    private func setting(_ name: String) -> OsloSetting? { settings[.init(group: "oslo_messaging_rabbit", name: name)] }
    private func isOn(_ name: String) -> Bool { setting(name)?.boolean ?? false }
    private func number(_ name: String) -> Int? { setting(name)?.integer }
    private func isGiven(_ name: String) -> Bool {
        setting(name).map { $0.origin != .optionDefault && $0.text != "" } ?? false
    }

    /// - Parameter other: the option whose line is told where no file gives the first.
    private mutating func report(
        _ severity: ConfigurationFinding.Severity, _ name: String, orElse other: String? = nil, _ message: String
    ) {
        let places = [name, other].compactMap(\.self).compactMap { setting($0)?.origin }
        findings.append(
            .init(
                severity: severity, option: .init(group: "oslo_messaging_rabbit", name: name),
                place: places.first { $0 != .optionDefault }, message: message))
    }
}
