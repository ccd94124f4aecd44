/// What a transport connects to, in oslo.messaging's grammar (oslo-wire.md §1):
///
///     driver://[user[:password]@]host[:port][,[user[:password]@]host[:port]]…[/virtual host][?option=value[&…]]
///
/// Every part may be percent-encoded; `/ @ : , ? # %` in a user name or password must be. Two URLs are equal if all
/// their parts are, including the options and their order. (oslo.messaging ignores the options when it compares.)
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
    /// The options in the URL's order, including repeated and empty ones. The driver gives them a meaning.
    /// oslo.messaging ignores empty values, and joins the values of a repeated name with commas.
    public var options: [Option]

    public init(scheme: String, hosts: [Host] = [], virtualHost: String? = nil, options: [Option] = []) {
        self.scheme = scheme.lowercased()
        self.hosts = hosts
        self.virtualHost = virtualHost
        self.options = options
    }
}
