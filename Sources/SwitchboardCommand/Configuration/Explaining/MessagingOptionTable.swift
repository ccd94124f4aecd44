import OsloConfiguration

// Printed by Tests/Peers/oslo_messaging_options.py from oslo.messaging itself, and formatted. A test compares it
// with the installed one.
extension MessagingOption {
    /// The options of oslo.messaging's transports, RPC, notifications and RabbitMQ driver.
    static let table: [MessagingOption] = [
        Self("DEFAULT", "conn_pool_min_size", .integer(), defaults: ["2"], versions: 12...15),
        Self("DEFAULT", "conn_pool_ttl", .integer(), defaults: ["1200"], versions: 12...15),
        Self("DEFAULT", "control_exchange", .text, defaults: ["openstack"], versions: 12...18),
        Self(
            "DEFAULT", "executor_thread_pool_size", .integer(), defaults: ["64"],
            was: [("DEFAULT", "rpc_thread_pool_size")], versions: 12...18),
        Self(
            "DEFAULT", "rpc_conn_pool_size", .integer(minimum: 1), defaults: ["30"],
            was: [("DEFAULT", "rpc_conn_pool_size")], versions: 12...15),
        Self("DEFAULT", "rpc_ping_enabled", .boolean, defaults: ["false"], versions: 12...18),
        Self("DEFAULT", "rpc_response_timeout", .integer(), defaults: ["60"], versions: 12...18),
        Self("DEFAULT", "transport_url", .text, defaults: ["rabbit://"], isSecret: true, versions: 12...18),
        Self("oslo_messaging_notifications", "driver", .text, isRepeated: true, defaults: [], versions: 12...18),
        Self("oslo_messaging_notifications", "retry", .integer(), defaults: ["-1"], versions: 12...18),
        Self("oslo_messaging_notifications", "topics", .texts, defaults: ["notifications"], versions: 12...18),
        Self("oslo_messaging_notifications", "transport_url", .text, isSecret: true, versions: 12...18),
        Self("oslo_messaging_rabbit", "amqp_auto_delete", .boolean, defaults: ["false"], versions: 12...18),
        Self("oslo_messaging_rabbit", "amqp_durable_queues", .boolean, defaults: ["false"], versions: 12...18),
        Self("oslo_messaging_rabbit", "conn_pool_min_size", .integer(), defaults: ["2"], versions: 16...18),
        Self("oslo_messaging_rabbit", "conn_pool_ttl", .integer(), defaults: ["1200"], versions: 16...18),
        Self(
            "oslo_messaging_rabbit", "direct_mandatory_flag", .boolean, defaults: ["true"],
            removal: "Mandatory flag no longer deactivable.", versions: 12...18),
        Self("oslo_messaging_rabbit", "enable_cancel_on_failover", .boolean, defaults: ["false"], versions: 12...18),
        Self(
            "oslo_messaging_rabbit", "heartbeat_in_pthread", .boolean, defaults: ["false"],
            removal:
                "The option is related to Eventlet which will be removed. In addition this has never worked as expected with services using eventlet for core service framework.",
            versions: 12...17),
        Self("oslo_messaging_rabbit", "heartbeat_rate", .integer(), defaults: ["3"], versions: 12...18),
        Self("oslo_messaging_rabbit", "heartbeat_timeout_threshold", .integer(), defaults: ["60"], versions: 12...18),
        Self("oslo_messaging_rabbit", "hostname", .text, versions: 14...18),
        Self("oslo_messaging_rabbit", "kombu_compression", .text, versions: 12...18),
        Self(
            "oslo_messaging_rabbit", "kombu_failover_strategy", .string(choices: ["round-robin", "shuffle"]),
            defaults: ["round-robin"], versions: 12...18),
        Self(
            "oslo_messaging_rabbit", "kombu_missing_consumer_retry_timeout", .integer(), defaults: ["60"],
            was: [("oslo_messaging_rabbit", "kombu_reconnect_timeout")], versions: 12...18),
        Self(
            "oslo_messaging_rabbit", "kombu_reconnect_delay", .real(minimum: 0.0, maximum: 4.5), defaults: ["1.0"],
            versions: 12...18),
        Self(
            "oslo_messaging_rabbit", "kombu_reconnect_splay", .real(minimum: 0.0), defaults: ["0.0"], versions: 16...18),
        Self("oslo_messaging_rabbit", "processname", .text, versions: 14...18),
        Self("oslo_messaging_rabbit", "rabbit_ha_queues", .boolean, defaults: ["false"], versions: 12...18),
        Self("oslo_messaging_rabbit", "rabbit_interval_max", .integer(minimum: 1), defaults: ["30"], versions: 12...18),
        Self(
            "oslo_messaging_rabbit", "rabbit_login_method",
            .string(choices: ["PLAIN", "AMQPLAIN", "EXTERNAL", "RABBIT-CR-DEMO"]), defaults: ["AMQPLAIN"],
            versions: 12...18),
        Self("oslo_messaging_rabbit", "rabbit_qos_prefetch_count", .integer(), defaults: ["0"], versions: 12...18),
        Self("oslo_messaging_rabbit", "rabbit_quorum_delivery_limit", .integer(), defaults: ["0"], versions: 13...18),
        Self("oslo_messaging_rabbit", "rabbit_quorum_max_memory_bytes", .integer(), defaults: ["0"], versions: 14...18),
        Self(
            "oslo_messaging_rabbit", "rabbit_quorum_max_memory_length", .integer(), defaults: ["0"], versions: 14...18),
        Self("oslo_messaging_rabbit", "rabbit_quorum_queue", .boolean, defaults: ["false"], versions: 12...18),
        Self("oslo_messaging_rabbit", "rabbit_quroum_max_memory_bytes", .integer(), defaults: ["0"], versions: 13...13),
        Self(
            "oslo_messaging_rabbit", "rabbit_quroum_max_memory_length", .integer(), defaults: ["0"], versions: 13...13),
        Self("oslo_messaging_rabbit", "rabbit_retry_backoff", .integer(minimum: 0), defaults: ["2"], versions: 12...18),
        Self(
            "oslo_messaging_rabbit", "rabbit_retry_interval", .integer(minimum: 1), defaults: ["1"], versions: 12...18),
        Self("oslo_messaging_rabbit", "rabbit_stream_fanout", .boolean, defaults: ["false"], versions: 14...18),
        Self(
            "oslo_messaging_rabbit", "rabbit_transient_queues_ttl", .integer(minimum: 0), defaults: ["1800"],
            versions: 12...18),
        Self(
            "oslo_messaging_rabbit", "rabbit_transient_quorum_queue", .boolean, defaults: ["false"], versions: 14...18),
        Self("oslo_messaging_rabbit", "rpc_conn_pool_size", .integer(minimum: 1), defaults: ["30"], versions: 16...18),
        Self("oslo_messaging_rabbit", "ssl", .boolean, defaults: ["false"], versions: 12...18),
        Self("oslo_messaging_rabbit", "ssl_ca_file", .text, defaults: [""], versions: 12...18),
        Self("oslo_messaging_rabbit", "ssl_cert_file", .text, defaults: [""], versions: 12...18),
        Self(
            "oslo_messaging_rabbit", "ssl_enforce_fips_mode", .boolean, defaults: ["false"],
            removal: "FIPS_mode_set API was removed in OpenSSL 3.0.0. This option has no effect now.", versions: 12...18
        ),
        Self(
            "oslo_messaging_rabbit", "ssl_enforce_hostname_verification", .boolean, defaults: ["true"],
            removal: "Verification is always enabled now", versions: 16...18),
        Self("oslo_messaging_rabbit", "ssl_key_file", .text, defaults: [""], versions: 12...18),
        Self("oslo_messaging_rabbit", "ssl_version", .text, defaults: [""], versions: 12...18),
        Self("oslo_messaging_rabbit", "use_queue_manager", .boolean, defaults: ["false"], versions: 14...18),
    ]
}
