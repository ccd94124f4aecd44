/// What a transport connects to, in the grammar of oslo.messaging (oslo-wire.md §1):
///
///     driver://[user[:password]@]host[:port][,[user[:password]@]host[:port]]…[/virtual host][?option=value[&…]]
///
/// Every part may be percent-encoded; `/ @ : , ? # %` inside a user name or password must be. Equal are URLs that agree
/// in every part, the options and their order too (oslo.messaging's ignore the options).
public struct TransportURL: Hashable, Sendable {
    /// One host and its own credentials.
    public struct Host: Hashable, Sendable {
        public var username: String?
        public var password: Secret?
        /// A name, an IPv4 address, or an IPv6 address without brackets; empty where the URL gives credentials or a
        /// port alone. In the letter case of the URL.
        public var name: String
        public var port: Int?

        public init(username: String? = nil, password: Secret? = nil, name: String, port: Int? = nil) {
            self.username = username
            self.password = password
            self.name = name
            self.port = port
        }
    }

    /// One option of the query.
    public struct Option: Hashable, Sendable {
        public var name: String
        public var value: String

        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// In lower case.
    public var scheme: String
    public var hosts: [Host]
    /// `nil` when the URL has no path, empty for the path `/`.
    public var virtualHost: String?
    /// In the order of the URL, repeated and empty ones too. What they mean is the driver's matter; oslo.messaging reads
    /// an empty value as none, and joins the values of a repeated name with commas.
    public var options: [Option]

    public init(scheme: String, hosts: [Host] = [], virtualHost: String? = nil, options: [Option] = []) {
        self.scheme = scheme.lowercased()
        self.hosts = hosts
        self.virtualHost = virtualHost
        self.options = options
    }
}
