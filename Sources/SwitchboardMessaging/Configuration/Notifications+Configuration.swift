#if Configuration
public import Configuration
public import SwitchboardCore

extension NotificationListenerConfiguration {
    /// Reads the listener's settings; what has no value is as in `defaults`. The executor is code.
    ///
    /// Throws `TransportError` with the code `invalidOption` for a value that cannot be used.
    public init(
        config: ConfigReader, defaults: NotificationListenerConfiguration = NotificationListenerConfiguration()
    ) throws(TransportError) {
        self = defaults
        let source = ConfigurationSource(config)
        try source.apply(Self.configurationKeys, to: &self)
        if pool?.isEmpty == true { throw source.refusal("pool", "it is empty") }
    }

    package static let configurationKeys: [ConfigurationKey<Self>] = [
        .text("pool", \.pool),
        .integer("maximumConcurrency", \.maximumConcurrency, in: 1...1_000_000),
        .integer("batchSize", \.batchSize, in: 1...1_000_000),
        .seconds("batchTimeout", \.batchTimeout),
        .integer("prefetch", \.prefetch, in: 1...1_000_000),
        .choice("failurePolicy", \.failurePolicy, [("requeue", .requeue), ("drop", .drop)]),
        .integer("maximumAttempts", \.maximumAttempts, in: 1...1_000_000),
        .seconds("requeueDelay", \.requeueDelay),
        .seconds("maximumRequeueDelay", \.maximumRequeueDelay),
        .integer("duplicateWindow", \.duplicateWindow, in: 1...100_000_000),
        .seconds("duplicateLifetime", \.duplicateLifetime),
    ]
}

extension NotificationRetry {
    /// Reads how hard a notification is tried; what has no value is as in `defaults`.
    ///
    /// Throws `TransportError` with the code `invalidOption` for a value that cannot be used.
    public init(config: ConfigReader, defaults: NotificationRetry = NotificationRetry()) throws(TransportError) {
        self = defaults
        try ConfigurationSource(config).apply(Self.configurationKeys, to: &self)
    }

    package static let configurationKeys: [ConfigurationKey<Self>] = [
        .integer("maximumAttempts", \.maximumAttempts, in: 1...1_000_000),
        .seconds("timeout", \.timeout, in: 0.001...1e9),
        .seconds("initialDelay", \.initialDelay),
        .seconds("maximumDelay", \.maximumDelay),
    ]
}
#endif
