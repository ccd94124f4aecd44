public import SwitchboardCore

/// How queues and exchanges are declared. All programs of a virtual host must agree, or the later one gets `conflict`.
///
/// The names in parentheses are oslo.messaging's, for the query of a URL and for comparison with an OpenStack
/// configuration.
public struct RabbitMQTopology: Hashable, Sendable {
    /// Whether exchanges and the queues of topics and servers survive a restart of the broker (`amqp_durable_queues`).
    public var durableQueues = false

    /// Whether exchanges and the queues of topics and servers disappear after their last user (`amqp_auto_delete`).
    public var autoDelete = false

    /// Whether the queues of topics and servers are quorum queues, and therefore durable (`rabbit_quorum_queue`).
    public var quorumQueues = false

    /// Whether fanout and reply queues are quorum queues (`rabbit_transient_quorum_queue`).
    public var transientQuorumQueues = false

    /// `x-delivery-limit` of quorum queues (`rabbit_quorum_delivery_limit`). `nil` means the broker's own limit: none
    /// before RabbitMQ 4.0, 20 since.
    public var quorumDeliveryLimit: Int?

    /// `x-max-in-memory-length` of quorum queues (`rabbit_quorum_max_memory_length`).
    public var quorumMaxMemoryLength: Int?

    /// `x-max-in-memory-bytes` of quorum queues (`rabbit_quorum_max_memory_bytes`).
    public var quorumMaxMemoryBytes: Int?

    /// How long a fanout or reply queue stays without a consumer, in whole seconds; `nil` means for ever
    /// (`rabbit_transient_queues_ttl`).
    public var transientQueuesTTL: Duration? = .seconds(1800)

    /// Whether fanout exchanges, fanout queues and reply queues are durable (`rabbit_transient_queues_durable`, not an
    /// oslo.messaging option). Brokers that refuse transient non-exclusive queues, such as RabbitMQ 4.3, need it. The
    /// exchanges are then declared as oslo.messaging does with `rabbit_transient_quorum_queue`.
    public var durableTransientQueues = false

    /// How long every queue stays without a consumer, in whole seconds, and its exchange with the last queue
    /// (`rabbit_trial_ttl`, not an oslo.messaging option). For trials on a shared broker.
    public var trialTTL: Duration?

    /// Whether every queue has `x-ha-policy=all`, which RabbitMQ ignores since 3.0 (`rabbit_ha_queues`).
    public var haQueues = false

    /// Whether all consumers of a fanout read one stream (`rabbit_stream_fanout`). Needs ``transientQuorumQueues`` and
    /// a prefetch.
    public var streamFanout = false

    /// Whether consumers ask to be cancelled when a queue moves to another node (`enable_cancel_on_failover`).
    public var cancelOnFailover = false

    /// Whether fanout and reply queues have stable names, made of the host name, the program name and a number, so that
    /// a program finds its queues again after a crash (`use_queue_manager`).
    public var stableNames = false

    /// Whether fanout queues stay after their subscription ends, until ``transientQueuesTTL``, and collect messages for
    /// the next subscription with that name (`use_queue_manager`). Only with ``stableNames``.
    public var keepsFanoutQueues = false

    /// The host part of a stable name. `nil` means the machine's name (`hostname`).
    public var hostName: String?

    /// The program part of a stable name. `nil` means the program's name (`processname`).
    public var processName: String?

    /// Whether each start makes quorum queues of its own, for fanouts and replies.
    var makesQuorumQueuesForEach: Bool { transientQuorumQueues && !stableNames }

    public init() {}

    /// oslo.messaging's defaults: transient queues. For working with programs that use these defaults, on RabbitMQ up
    /// to 4.2.
    public static let osloDefaults = RabbitMQTopology()

    /// The presets as URL options, with their names, for programs that try each of them.
    public static let presets: [(name: String, options: [TransportURL.Option])] = [
        ("osloDefaults", []),
        (
            "durable",
            [
                .init("amqp_durable_queues", "true"), .init("rabbit_transient_queues_durable", "true"),
            ]
        ),
        (
            "quorum",
            [
                .init("rabbit_quorum_queue", "true"), .init("rabbit_transient_quorum_queue", "true"),
                .init("rabbit_quorum_delivery_limit", "20"),
            ]
        ),
    ]

    /// Quorum queues only, replicated to a majority of the cluster's nodes, with stable names, so that restarted
    /// programs find their queues. oslo.messaging programs that work with them need `rabbit_quorum_queue=true` and
    /// `rabbit_transient_quorum_queue=true`.
    public static let quorum: RabbitMQTopology = {
        var topology = RabbitMQTopology()
        topology.quorumQueues = true
        topology.transientQuorumQueues = true
        topology.stableNames = true
        return topology
    }()

    /// Durable queues only. Fanout and reply queues still expire, and have stable names. For RabbitMQ 4.3, which
    /// refuses transient non-exclusive queues. oslo.messaging programs that work with them need
    /// `amqp_durable_queues=true` and `rabbit_transient_quorum_queue=true`.
    public static let durable: RabbitMQTopology = {
        var topology = RabbitMQTopology()
        topology.durableQueues = true
        topology.durableTransientQueues = true
        topology.stableNames = true
        return topology
    }()
}

extension RabbitMQTopology {
    /// The URL schemes of this driver.
    public static let schemes: Set<String> = ["rabbit", "amqp", "amqps", "kombu"]
}

extension TransportURL.Option {
    /// A URL option that makes everything a program declares disappear a minute after its last use; see
    /// ``RabbitMQTopology/trialTTL``.
    public static let trial = TransportURL.Option("rabbit_trial_ttl", "60")
}
