#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// How a ``TestDatabase`` is set up.
public struct TestDatabaseConfiguration: Sendable {
    /// The certificate files of a server that also takes TLS, in PEM.
    public struct TLS: Sendable {
        public var certificate: String
        public var key: String
        /// Who signed the server's certificate, and those of clients.
        public var authority: String

        public init(certificate: String, key: String, authority: String) {
            self.certificate = certificate
            self.key = key
            self.authority = authority
        }
    }

    /// The `mariadbd` to run. `nil`: `SWITCHBOARD_MARIADB_SERVER` of the environment, then where Debian and Homebrew put
    /// it, then `PATH`. Its `mariadb-install-db` and `mariadb` are looked for at the same places.
    public var server: String?

    /// Further lines of the server's section in `my.cnf`, for example `wait_timeout = 1`.
    public var settings: [String] = []

    /// With it the server also takes TLS.
    public var tls: TLS?

    /// How long a start may take.
    public var startTimeout: Duration = .seconds(120)

    public init() {}

    /// Where a program of MariaDB's is.
    func findProgram(_ name: String) throws(TestBrokerError) -> String {
        let configured = server ?? getenv("SWITCHBOARD_MARIADB_SERVER").map { String(cString: $0) }
        if name == "mariadbd", let configured {
            guard access(configured, X_OK) == 0 else {
                throw TestBrokerError("\(configured) cannot be run: \(errorText(errno)).")
            }
            return configured
        }
        let directories = ["/usr/sbin", "/usr/bin", "/usr/libexec", "/opt/homebrew/bin", "/usr/local/bin"]
        guard let found = SwitchboardTesting.findProgram(name, besides: directories) else {
            throw TestBrokerError(
                "\(name) is not installed, and the tests of databases need a MariaDB server. Debian and Ubuntu: "
                    + "apt-get install mariadb-server. Elsewhere: set SWITCHBOARD_MARIADB_SERVER to mariadbd, and have "
                    + "mariadb-install-db and mariadb in PATH.")
        }
        return found
    }
}
