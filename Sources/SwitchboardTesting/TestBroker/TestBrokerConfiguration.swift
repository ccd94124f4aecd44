/// How a ``TestBroker`` is set up.
public struct TestBrokerConfiguration: Sendable {
    /// The certificate files of a broker that also listens for TLS, in PEM.
    public struct TLS: Sendable {
        public var certificate: String
        public var key: String
        /// Who signed the certificates of clients, and of the server.
        public var authority: String
        /// Whether clients must show a certificate.
        public var requiresClientCertificate: Bool

        public init(
            certificate: String, key: String, authority: String, requiresClientCertificate: Bool = false
        ) {
            self.certificate = certificate
            self.key = key
            self.authority = authority
            self.requiresClientCertificate = requiresClientCertificate
        }
    }

    /// The `rabbitmq-server` to run. `nil`: `SWITCHBOARD_RABBITMQ_SERVER` of the environment, then where Debian,
    /// Homebrew and the generic archive put it, then `PATH`.
    public var server: String?

    /// Further lines of `rabbitmq.conf`, for example `heartbeat = 5`.
    public var settings: [String] = []

    /// The server's plug-ins that are on, for example `rabbitmq_auth_mechanism_ssl`.
    public var plugins: [String] = []

    /// With it the broker also listens at ``TestBroker/tlsPort``.
    public var tls: TLS?

    /// How long a start may take.
    public var startTimeout: Duration = .seconds(120)

    public init() {}
}
