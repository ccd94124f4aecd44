#if Configuration
public import Configuration
public import SwitchboardCore

extension RabbitMQConfiguration {
    /// Reads the driver's settings; what has no value is as in `defaults`. What a URL's query says still wins.
    ///
    /// `credentials.username` and `credentials.password` log in where the URL has no user name. They are read again before
    /// every connection, so a provider that reloads its file brings new ones.
    ///
    /// Throws `TransportError` with the code `invalidOption` for a value that cannot be used.
    public init(
        config: ConfigReader, defaults: RabbitMQConfiguration = .osloDefaults
    ) throws(TransportError) {
        self = defaults
        try ConfigurationSource(config).apply(Self.configurationKeys, to: &self)
    }

    package static let configurationKeys: [ConfigurationKey<Self>] =
        ConfigurationKey.part("topology", \.topology, RabbitMQTopology.configurationKeys)
        + [.choice("loginMethod", \.loginMethod)] + credentialKeys + TLS.keys + [
            .text("connectionName", \.connectionName),
            .seconds("heartbeat", \.heartbeat, in: 0...65535),
            .seconds("connectTimeout", \.connectTimeout, in: 0.001...86_400),
            .seconds("answerTimeout", \.answerTimeout, in: 0.001...86_400),
            .seconds("firstReconnectDelay", \.firstReconnectDelay, in: 0.001...86_400),
            .seconds("maximumReconnectDelay", \.maximumReconnectDelay, in: 0.001...86_400),
            .seconds("selfCheckInterval", \.selfCheckInterval),
            .flag("directRequests", \.directRequests),
            .integer("maximumUnconfirmed", \.maximumUnconfirmed, in: 1...1_000_000),
            .integer("maximumUnconfirmedBytes", \.maximumUnconfirmedBytes, in: 1...Int.max, unit: "bytes"),
            .limit("maximumPrefetch", \.maximumPrefetch, upTo: 65535),
            .integer("maximumMessageSize", \.maximumMessageSize, in: 1...Int.max, unit: "bytes"),
        ]

    private static let credentialKeys: [ConfigurationKey<Self>] = [
        ConfigurationKey("credentials.username", type: "text", default: { _ in "guest" }) {
            configuration, source, _ throws(TransportError) in
            guard try RabbitMQCredentials(source) != nil else { return }
            configuration.credentials = RabbitMQCredentialProvider {
                let credentials = try RabbitMQCredentials(source)
                return try source.required("credentials.username", credentials)
            }
        },
        // Read with the user name.
        ConfigurationKey("credentials.password", type: "text", isSecret: true, default: { _ in "guest" }) {
            _, _, _ throws(TransportError) in
        },
    ]
}

extension RabbitMQCredentials {
    /// The credentials of now; `nil` where there are none. One without the other is an error.
    fileprivate init?(_ source: ConfigurationSource) throws(TransportError) {
        let username = try source.text("credentials.username")
        let password = try source.secret("credentials.password")
        guard username != nil || password != nil else { return nil }
        self.init(
            username: try source.required("credentials.username", username),
            password: try source.required("credentials.password", password))
    }
}

extension RabbitMQConfiguration.TLS {
    /// Any of them turns TLS on, unless `tls.enabled` is false.
    fileprivate static let keys: [ConfigurationKey<RabbitMQConfiguration>] = [
        key(.text("authorityFile", \.authorityFile)),
        key(.text("certificateFile", \.certificateFile)),
        key(.text("keyFile", \.keyFile)),
        key(.choice("minimumVersion", \.minimumVersion)),
        key(.flag("verifiesHostName", \.verifiesHostName)),
        // The last one, as it decides.
        ConfigurationKey("tls.enabled", type: "true or false", default: { "\($0.tls != nil)" }) {
            configuration, source, name throws(TransportError) in
            guard let isEnabled = try source.flag(name) else { return }
            configuration.tls = isEnabled ? configuration.tls ?? .init() : nil
        },
    ]

    private static func key(
        _ key: ConfigurationKey<Self>
    ) -> ConfigurationKey<RabbitMQConfiguration> {
        ConfigurationKey(
            "tls.\(key.name)", type: key.type, default: { key.defaultText($0.tls ?? .init()) }
        ) { configuration, source, name throws(TransportError) in
            guard source.hasValue(name) else { return }
            var tls = configuration.tls ?? .init()
            try key.set(&tls, source, name)
            configuration.tls = tls
        }
    }
}

extension RabbitMQTopology {
    /// The preset comes first, and the others refine it.
    package static let configurationKeys: [ConfigurationKey<Self>] = [
        ConfigurationKey("preset", type: "osloDefaults, durable, quorum", default: { _ in "osloDefaults" }) {
            topology, source, name throws(TransportError) in
            let presets: [(name: String, value: RabbitMQTopology)] = [
                ("osloDefaults", .osloDefaults), ("durable", .durable), ("quorum", .quorum),
            ]
            if let preset = try source.choice(name, presets) { topology = preset }
        },
        .flag("durableQueues", \.durableQueues),
        .flag("autoDelete", \.autoDelete),
        .flag("quorumQueues", \.quorumQueues),
        .flag("transientQuorumQueues", \.transientQuorumQueues),
        .limit("quorumDeliveryLimit", \.quorumDeliveryLimit, upTo: Int(Int32.max)),
        .limit("quorumMaxMemoryLength", \.quorumMaxMemoryLength),
        .limit("quorumMaxMemoryBytes", \.quorumMaxMemoryBytes, unit: "bytes"),
        .seconds("transientQueuesTTL", \.transientQueuesTTL, in: 0...4_294_967),
        .flag("durableTransientQueues", \.durableTransientQueues),
        .seconds("trialTTL", \.trialTTL, in: 0...4_294_967),
        .flag("haQueues", \.haQueues),
        .flag("streamFanout", \.streamFanout),
        .flag("cancelOnFailover", \.cancelOnFailover),
        .flag("stableNames", \.stableNames),
        .flag("keepsFanoutQueues", \.keepsFanoutQueues),
        .text("hostName", \.hostName),
        .text("processName", \.processName),
    ]
}
#endif
