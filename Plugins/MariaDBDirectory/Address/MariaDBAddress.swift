internal import SwitchboardCells
internal import SwitchboardCore

/// Where a database is, and how to get in: what a URL of SQLAlchemy's says.
struct MariaDBAddress: Hashable, Sendable {
    /// How much a server has to prove before anything is told to it.
    enum Verification: Hashable, Sendable {
        /// Its certificate is signed by an authority that we trust, and is made for the host that the URL names.
        case authorityAndHost
        /// Its certificate is signed by an authority that we trust.
        case authority
        /// Nothing.
        case none
    }

    struct TLS: Hashable, Sendable {
        var verification = Verification.authorityAndHost
        /// Who signs servers' certificates: a file in PEM. `nil`: those that the system trusts.
        var authority: String?
        /// The same, as a folder with a file for each.
        var authorities: String?
        /// What we show the server, and its key.
        var certificate: String?
        var key: String?
        var cipher: String?
    }

    var host = "localhost"
    var port = 3306
    /// The path of the server's socket on this machine; then host and port are not used.
    var unixSocket: String?
    var username: String?
    var password: Secret?
    var database: String
    /// `nil`: without TLS.
    var tls: TLS?
    var connectTimeout: Duration?
    var readTimeout: Duration?
    var writeTimeout: Duration?
    /// The names of options that mean nothing here: they are for Python's drivers.
    var ignoredOptions: [String] = []
}

extension MariaDBAddress: CustomStringConvertible {
    /// `database on host:port`, without credentials.
    var description: String {
        if let unixSocket { return "\(database) on \(unixSocket)" }
        return "\(database) on \(host.contains(":") ? "[\(host)]" : host):\(port)"
    }
}
