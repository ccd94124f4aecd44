#if Configuration
public import Configuration

extension TransportConfiguration {
    /// Reads `publishTimeout`, `maximumMessageSize` and `maximumWaitingPublishes`; what has no value is as in `defaults`.
    ///
    /// Throws ``TransportError/Code/invalidOption`` for a value that cannot be used.
    public init(
        config: ConfigReader, defaults: TransportConfiguration = TransportConfiguration()
    ) throws(TransportError) {
        self = defaults
        try ConfigurationSource(config).apply(Self.configurationKeys, to: &self)
    }

    package static let configurationKeys: [ConfigurationKey<Self>] = [
        .seconds("publishTimeout", \.publishTimeout, in: 0.001...1e9),
        .integer("maximumMessageSize", \.maximumMessageSize, in: 1...Int.max, unit: "bytes"),
        .integer("maximumWaitingPublishes", \.maximumWaitingPublishes, in: 1...Int.max),
    ]
}

extension TransportURL {
    /// Reads `url`, and `username` and `password` for the hosts of the URL that have none of their own. The URL and the
    /// password are secrets.
    ///
    /// Throws ``TransportError/Code/invalidOption`` when there is no URL or a value cannot be used, and
    /// ``TransportError/Code/invalidURL`` when the URL cannot be read. No error shows a part of it.
    public init(config: ConfigReader) throws(TransportError) {
        let source = ConfigurationSource(config)
        let text = try source.required("url", try source.secret("url"))
        do {
            try self.init(text.reveal())
        } catch {
            throw TransportError(error.code, "The setting url of \(config) cannot be used: \(error.message)")
        }
        let username = try source.text("username")
        let password = try source.secret("password")
        guard username != nil || password != nil else { return }
        guard !hosts.isEmpty else {
            throw source.refusal(username == nil ? "password" : "username", "the URL has no host to log in to")
        }
        for index in hosts.indices {
            if hosts[index].username == nil { hosts[index].username = username }
            if hosts[index].password == nil, hosts[index].username != nil { hosts[index].password = password }
        }
    }

    /// Their values are taken together.
    package static let configurationKeys: [ConfigurationKey<Self>] = [
        ConfigurationKey("url", type: "transport URL", isSecret: true, default: { _ in "required" }) {
            _, _, _ throws(TransportError) in
        },
        ConfigurationKey("username", type: "text", default: { _ in "the URL's" }) { _, _, _ throws(TransportError) in },
        ConfigurationKey("password", type: "text", isSecret: true, default: { _ in "the URL's" }) {
            _, _, _ throws(TransportError) in
        },
    ]
}
#endif
