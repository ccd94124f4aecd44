public import SwitchboardCore

/// How queues and exchanges are declared. All programs of one virtual host must agree, or the later one gets a
/// ``TransportError/Code/conflict``.
///
/// The names in brackets are oslo.messaging's, for the query of a URL and for comparing with an OpenStack configuration.
public struct RabbitMQTopology: Hashable, Sendable {
    /// Exchanges and the queues of topics and servers survive a restart of the broker (`amqp_durable_queues`).
    public var durableQueues = false

    /// Exchanges and the queues of topics and servers vanish after their last user (`amqp_auto_delete`).
    public var autoDelete = false

    /// The queues of topics and servers are quorum queues, and so durable (`rabbit_quorum_queue`).
    public var quorumQueues = false

    /// Fanout and reply queues are quorum queues (`rabbit_transient_quorum_queue`).
    public var transientQuorumQueues = false

    /// `x-delivery-limit` of quorum queues, 0 for the broker's own (`rabbit_quorum_delivery_limit`): none before RabbitMQ
    /// 4.0, 20 since.
    public var quorumDeliveryLimit = 0

    /// `x-max-in-memory-length` of quorum queues, 0 for none (`rabbit_quorum_max_memory_length`).
    public var quorumMaxMemoryLength = 0

    /// `x-max-in-memory-bytes` of quorum queues, 0 for none (`rabbit_quorum_max_memory_bytes`).
    public var quorumMaxMemoryBytes = 0

    /// After how many seconds without a consumer a fanout or reply queue is dropped; 0 for never
    /// (`rabbit_transient_queues_ttl`).
    public var transientQueuesTTL = 1800

    /// Fanout exchanges and queues and reply queues are durable. Not an option of oslo.messaging's: a broker that refuses
    /// transient non-exclusive queues, as RabbitMQ 4.3 does, needs it (`rabbit_transient_queues_durable`). The exchanges
    /// are then as oslo.messaging declares them with `rabbit_transient_quorum_queue`.
    public var durableTransientQueues = false

    /// After how many seconds without a consumer every queue is dropped, and its exchange with the last of them; 0 for never. For
    /// trials on a broker that others use too (`rabbit_trial_ttl`); not an option of oslo.messaging's.
    public var trialTTL = 0

    /// `x-ha-policy=all` on every queue, which RabbitMQ ignores since 3.0 (`rabbit_ha_queues`).
    public var haQueues = false

    /// All consumers of a fanout read one stream; needs ``transientQuorumQueues`` and a prefetch
    /// (`rabbit_stream_fanout`).
    public var streamFanout = false

    /// Consumers ask to be cancelled when a queue moves to another node (`enable_cancel_on_failover`).
    public var cancelOnFailover = false

    /// Fanout and reply queues get stable names made of host name, process name and a number, which a program that is
    /// started again after a crash finds and takes from (`use_queue_manager`).
    public var stableNames = false

    /// Fanout queues stay when their subscription ends, until ``transientQueuesTTL``, and go on gathering messages for
    /// the next one of the name; only with ``stableNames`` (`use_queue_manager`).
    public var keepsFanoutQueues = false

    /// The host's part of a stable name; the machine's own name when empty (`hostname`).
    public var hostName = ""

    /// The program's part of a stable name; the program's own name when empty (`processname`).
    public var processName = ""

    /// Whether each start makes quorum queues of its own, for fanouts and replies.
    var makesQuorumQueuesForEach: Bool { transientQuorumQueues && !stableNames }

    public init() {}

    /// What oslo.messaging does when nothing is configured: transient queues. For talking to programs that run with
    /// oslo.messaging's defaults, up to RabbitMQ 4.2.
    public static let osloDefaults = RabbitMQTopology()

    /// The presets as options of a URL, with their names: for programs that try each.
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

    /// Everything on a majority of a cluster's nodes: quorum queues throughout, with stable names, so that programs that are
    /// started again find theirs. oslo.messaging's programs beside it need `rabbit_quorum_queue=true` and
    /// `rabbit_transient_quorum_queue=true`.
    public static let quorum: RabbitMQTopology = {
        var topology = RabbitMQTopology()
        topology.quorumQueues = true
        topology.transientQuorumQueues = true
        topology.stableNames = true
        return topology
    }()

    /// No transient queue at all: everything durable, fanout and reply queues still expire and have stable
    /// names. For RabbitMQ 4.3, which refuses transient non-exclusive queues; oslo.messaging's programs beside it need
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
    /// The schemes of URLs that lead to this driver.
    public static let schemes: Set<String> = ["rabbit", "amqp", "amqps", "kombu"]
}

extension TransportURL.Option {
    /// Has everything that a program declares vanish a minute after its last use; see ``RabbitMQTopology/trialTTL``.
    public static let trial = TransportURL.Option("rabbit_trial_ttl", "60")
}
