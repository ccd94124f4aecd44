#if Configuration
public import Configuration
public import Logging
public import SwitchboardCore

extension RPCServerConfiguration {
    /// Reads the server's settings; what has no value is as in `defaults`. Middleware and the executor are code.
    ///
    /// Throws `TransportError` with the code `invalidOption` for a value that cannot be used.
    public init(
        config: ConfigReader, defaults: RPCServerConfiguration = RPCServerConfiguration()
    ) throws(TransportError) {
        self = defaults
        try ConfigurationSource(config).apply(Self.configurationKeys, to: &self)
    }

    package static let configurationKeys: [ConfigurationKey<Self>] = [
        .integer("maximumConcurrency", \.maximumConcurrency, in: 1...1_000_000),
        .choice("acknowledgement", \.acknowledgement, [("atMostOnce", .atMostOnce), ("atLeastOnce", .atLeastOnce)]),
        .flag("executesRedelivered", \.executesRedelivered),
        .integer("duplicateWindow", \.duplicateWindow, in: 1...100_000_000),
        .seconds("duplicateLifetime", \.duplicateLifetime),
        .seconds("replyRetryDuration", \.replyRetryDuration),
    ]
}

extension RPCTarget {
    /// Reads `topic`, which must have a value, `exchange` and `server`.
    ///
    /// Throws `TransportError` with the code `invalidOption` for a value that cannot be used.
    public init(config: ConfigReader) throws(TransportError) {
        let source = ConfigurationSource(config)
        self.init(topic: try source.required("topic", try source.text("topic")))
        try source.apply(Self.configurationKeys, to: &self)
        for (key, name) in [("topic", topic.name), ("exchange", topic.exchange), ("server", server ?? "-")]
        where name.isEmpty {
            throw source.refusal(key, "it is empty")
        }
    }

    package static let configurationKeys: [ConfigurationKey<Self>] = [
        ConfigurationKey("topic", type: "text", default: { _ in "required" }) {
            target, source, name throws(TransportError) in
            if let value = try source.text(name) { target.topic.name = value }
        },
        .text("exchange", \.topic.exchange),
        .text("server", \.server),
    ]
}

extension RPCClient {
    /// A client with the settings of `config`; what has no value is as in ``init(_:target:versionCap:timeout:keepaliveInterval:)``.
    ///
    /// Throws `TransportError` with the code `invalidOption` for a value that cannot be used.
    public init(
        _ connection: MessageQueueConnection, target: RPCTarget, config: ConfigReader
    ) throws(TransportError) {
        self.init(connection, target: target)
        try ConfigurationSource(config).apply(Self.configurationKeys, to: &self)
    }

    package static let configurationKeys: [ConfigurationKey<Self>] =
        [
            ConfigurationKey(
                "versionCap", type: "version, for example 1.5", default: { $0.versionCap.map { "\($0)" } ?? "none" }
            ) { client, source, name throws(TransportError) in
                guard let text = try source.text(name) else { return }
                guard let version = RPCVersion(text) else {
                    throw source.refusal(name, "it has to be a version, for example 1.5, not \"\(text)\"")
                }
                client.versionCap = version
            },
            .seconds("timeout", \.timeout, in: 0.001...1e9),
            .seconds("keepaliveInterval", \.keepaliveInterval),
            .flag("neverTwice", \.neverTwice),
            .flag("sendsDeadline", \.sendsDeadline),
            .flag("detectsMissingListeners", \.detectsMissingListeners),
        ] + ConfigurationKey.part("retry", \.retry, RPCRetryPolicy.configurationKeys)
}

extension RPCRetryPolicy {
    package static let configurationKeys: [ConfigurationKey<Self>] = [
        .integer("attempts", \.attempts, in: 1...1_000_000),
        .seconds("firstPause", \.firstPause),
        .seconds("longestPause", \.longestPause),
    ]
}

extension MessageQueueConnection {
    /// A connection to the URL of `config`, with its settings: those of `TransportURL` and of `TransportConfiguration`.
    ///
    /// Throws `TransportError` with the code `invalidOption` for a value that cannot be used, and what `Transport` throws of
    /// the URL.
    public convenience init(
        config: ConfigReader, drivers registry: DriverRegistry, name: String = "own",
        telemetry: Telemetry = Telemetry(), logger: Logger = Logger(label: "switchboard")
    ) throws(TransportError) {
        try self.init(
            try TransportURL(config: config), drivers: registry,
            configuration: try TransportConfiguration(config: config), name: name, telemetry: telemetry, logger: logger)
    }
}
#endif
