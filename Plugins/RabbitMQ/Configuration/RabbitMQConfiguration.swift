/// How a RabbitMQ driver connects, declares, publishes and consumes. What a URL's query says wins over it.
public struct RabbitMQConfiguration: Sendable {
    /// How a client proves who it is (`rabbit_login_method`).
    public enum LoginMethod: String, Sendable, CaseIterable {
        case plain = "PLAIN"
        case amqplain = "AMQPLAIN"
        /// By the client certificate; needs TLS and the broker's plug-in for it.
        case external = "EXTERNAL"
    }

    /// TLS of the connections (`ssl` and the `ssl_…` options; `amqps://` turns it on).
    public struct TLS: Hashable, Sendable {
        /// A file of certificates in PEM form that may sign the broker's; the system's own when empty (`ssl_ca_file`).
        public var authorityFile = ""
        /// The client's certificate chain in PEM form (`ssl_cert_file`).
        public var certificateFile = ""
        /// The key of the client's certificate, in PEM form (`ssl_key_file`).
        public var keyFile = ""
        /// The lowest version that is spoken: `TLSv1_2` or `TLSv1_3`; TLS 1.2 when empty (`ssl_version`).
        public var minimumVersion = ""
        /// Whether the broker's certificate must be for the host of the URL (`ssl_enforce_hostname_verification`).
        public var verifiesHostName = true

        public init() {}
    }

    public var topology = RabbitMQTopology.osloDefaults

    public var loginMethod = LoginMethod.amqplain

    /// Who logs in, at hosts of the URL without a user name; may change while the driver runs. `nil`: `guest`, as
    /// oslo.messaging does.
    public var credentials: RabbitMQCredentialProvider?

    /// `nil`: no TLS, unless the scheme is `amqps`.
    public var tls: TLS?

    /// The name that the broker's management page shows; the program's name and process number when empty.
    public var connectionName = ""

    /// Seconds; the broker may ask for less. 0 for no heartbeats (`heartbeat_timeout_threshold`).
    public var heartbeat = 60

    /// How long connecting to one host and logging in may take.
    public var connectTimeout: Duration = .seconds(10)

    /// How long the broker may take to answer what sets a channel up: its opening, declarations, a consume. After it, it is
    /// asked again on another channel, or on another connection.
    public var answerTimeout: Duration = .seconds(30)

    /// The longest pause after a connection that was ready and was lost, and the shortest one after a failed attempt; later
    /// ones grow from it.
    public var firstReconnectDelay: Duration = .milliseconds(50)

    /// The longest pause between two attempts (`rabbit_interval_max`); 30 s after those that the broker refused.
    public var maximumReconnectDelay: Duration = .seconds(5)

    /// How often each subscription asks the broker whether it is still one, to find out that it is connected but deaf, and how
    /// often the exchanges and bindings that lead to subscriptions are declared again, as somebody may have deleted them.
    /// `nil`: never.
    public var selfCheckInterval: Duration? = .seconds(30)

    /// Requests to a topic or to a server are published to its queue by the queue's name, through the broker's default
    /// exchange, instead of through the topic's (`rabbit_direct_requests`, not an option of oslo.messaging's). Servers and
    /// what they declare stay as they are. The broker has an eighth less to do for a call and a fifth less for a cast; but
    /// what others have bound to the topic's exchange, or set up for it, does not see such requests, and the user needs
    /// the permission to write to `amq.default`, as for replies.
    public var directRequests = false

    /// How many messages may be written and not yet confirmed, whose publishers wait. Beyond it others wait for room.
    public var maximumUnconfirmed = 2048

    /// How many bytes of bodies these may have. Beyond it others wait for room.
    public var maximumUnconfirmedBytes = 16 * 1024 * 1024

    /// How many publishers may wait. Beyond it a publish fails at once with ``TransportError/Code/exhausted``.
    public var maximumWaiting = 100_000

    /// An upper bound on every subscription's prefetch; 0 for none (`rabbit_qos_prefetch_count`).
    public var maximumPrefetch = 0

    /// The largest body that is taken from a queue, in bytes. A message with a longer one is rejected: its queue dead-letters
    /// it, where it is told to, or drops it, and a warning is logged. Nothing else is disturbed.
    public var maximumMessageSize = 128 * 1024 * 1024

    public init() {}

    /// What oslo.messaging does when nothing is configured; see ``RabbitMQTopology/osloDefaults``.
    public static let osloDefaults = RabbitMQConfiguration()

    /// No transient queue at all; see ``RabbitMQTopology/durable``.
    public static let durable: RabbitMQConfiguration = {
        var configuration = RabbitMQConfiguration()
        configuration.topology = .durable
        return configuration
    }()

    /// Quorum queues throughout; see ``RabbitMQTopology/quorum``.
    public static let quorum: RabbitMQConfiguration = {
        var configuration = RabbitMQConfiguration()
        configuration.topology = .quorum
        return configuration
    }()
}
