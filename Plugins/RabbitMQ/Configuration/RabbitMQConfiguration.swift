/// How a RabbitMQ driver connects, declares, publishes and consumes. The query of a URL takes precedence.
public struct RabbitMQConfiguration: Sendable {
    /// How the driver logs in (`rabbit_login_method`).
    public enum LoginMethod: String, Sendable, CaseIterable {
        case plain = "PLAIN"
        case amqplain = "AMQPLAIN"
        /// With the client certificate. Needs TLS, and the broker's plug-in for it.
        case external = "EXTERNAL"
    }

    /// TLS settings (`ssl` and the `ssl_…` options; `amqps://` turns TLS on).
    public struct TLS: Hashable, Sendable {
        /// A version of TLS, named as in `ssl_version`.
        public enum Version: String, Hashable, Sendable, CaseIterable {
            case tls12 = "TLSv1_2"
            case tls13 = "TLSv1_3"
        }

        /// A PEM file with the authorities that may sign the broker's certificate. `nil` means the system's
        /// (`ssl_ca_file`).
        public var authorityFile: String?
        /// A PEM file with the client's certificate chain (`ssl_cert_file`).
        public var certificateFile: String?
        /// A PEM file with the key of the client's certificate (`ssl_key_file`). `nil` means that it is in
        /// ``certificateFile``.
        public var keyFile: String?
        /// The lowest TLS version (`ssl_version`).
        public var minimumVersion = Version.tls12
        /// Whether the broker's certificate must match the URL's host (`ssl_enforce_hostname_verification`).
        public var verifiesHostName = true

        public init() {}
    }

    public var topology = RabbitMQTopology.osloDefaults

    public var loginMethod = LoginMethod.amqplain

    /// The credentials for hosts without a user name in the URL. They may change while the driver runs. `nil` means
    /// `guest`, as in oslo.messaging.
    public var credentials: RabbitMQCredentialProvider?

    /// TLS settings. `nil` means no TLS, unless the scheme is `amqps`.
    public var tls: TLS?

    /// The name on the broker's management page. `nil` means the program's name and process id.
    public var connectionName: String?

    /// The heartbeat interval, in whole seconds; the broker may ask for a shorter one. `nil` means no heartbeats
    /// (`heartbeat_timeout_threshold`).
    public var heartbeat: Duration? = .seconds(60)

    /// How long it may take to connect and log in to one host.
    public var connectTimeout: Duration = .seconds(10)

    /// How long the broker may take to answer while a channel is set up (opening it, declarations, a consume), and when
    /// it is asked by ``selfCheckInterval``. After that, the driver asks again on another channel, or on another connection.
    public var answerTimeout: Duration = .seconds(30)

    /// The longest pause after losing a connection that was ready, and the shortest pause after a failed attempt. Later
    /// pauses grow from it.
    public var firstReconnectDelay: Duration = .milliseconds(50)

    /// The longest pause between two attempts (`rabbit_interval_max`). After attempts that the broker refused it is 30
    /// s.
    public var maximumReconnectDelay: Duration = .seconds(5)

    /// How often each subscription asks the broker whether it still exists, and how often the driver declares the
    /// exchanges and bindings of its subscriptions again, in case someone has deleted them. `nil` means never.
    public var selfCheckInterval: Duration? = .seconds(30)

    /// Whether requests go straight to the queue of their topic or server, through the broker's default exchange
    /// (`rabbit_direct_requests`, not an oslo.messaging option). Servers and their declarations stay the same.
    ///
    /// It saves the broker an eighth of the work for a call, and a fifth for a cast. But it bypasses the topic's
    /// exchange, and with it other bindings and policies. The user needs permission to write to `amq.default`, as for
    /// replies.
    public var directRequests = false

    /// How many messages may be written but not yet confirmed. At the limit, further publishers wait.
    public var maximumUnconfirmed = 2048

    /// How many bytes of message bodies may be written but not yet confirmed. At the limit, further publishers wait.
    public var maximumUnconfirmedBytes = 16 * 1024 * 1024

    /// An upper limit for every subscription's prefetch, at most 65,535 (`rabbit_qos_prefetch_count`).
    public var maximumPrefetch: Int?

    /// The largest body that is accepted from a queue, in bytes. A larger message is rejected, so that its queue
    /// dead-letters or drops it, and a warning is logged. Other messages aren't affected.
    public var maximumMessageSize = 128 * 1024 * 1024

    public init() {}

    /// The queues that oslo.messaging declares by default; see ``RabbitMQTopology/osloDefaults``.
    public static let osloDefaults = RabbitMQConfiguration()

    /// Durable queues only; see ``RabbitMQTopology/durable``.
    public static let durable: RabbitMQConfiguration = {
        var configuration = RabbitMQConfiguration()
        configuration.topology = .durable
        return configuration
    }()

    /// Quorum queues only; see ``RabbitMQTopology/quorum``.
    public static let quorum: RabbitMQConfiguration = {
        var configuration = RabbitMQConfiguration()
        configuration.topology = .quorum
        return configuration
    }()
}
