#if Configuration
public import Configuration
public import Logging
public import SwitchboardCore
public import SwitchboardMessaging

extension CellConnectionConfiguration {
    /// Reads how the connections to cells are kept; what has no value is as in `defaults`.
    ///
    /// Throws `TransportError` with the code `invalidOption` for a value that cannot be used.
    public init(config: ConfigReader, defaults: CellConnectionConfiguration = CellConnectionConfiguration())
        throws(TransportError)
    {
        self = defaults
        try ConfigurationSource(config).apply(Self.configurationKeys, to: &self)
    }

    package static let configurationKeys: [ConfigurationKey<Self>] =
        [
            .seconds("idleLifetime", \.idleLifetime),
            .integer("maximumCount", \.maximumCount, in: 1...1_000_000),
            .seconds("refreshInterval", \.refreshInterval, in: 0.01...1e9),
            .seconds("refusalPause", \.refusalPause),
            .seconds("silenceLimit", \.silenceLimit, in: 0.001...1e9),
            .seconds("disconnectionLimit", \.disconnectionLimit),
            .integer("maximumAbandoned", \.maximumAbandoned, in: 0...1_000_000),
        ] + ConfigurationKey.part("transport", \.transport, TransportConfiguration.configurationKeys)
}

extension BaseURLs {
    /// Reads `base.transportURL` and `base.databaseConnection`, the process's own URLs, which are secrets.
    ///
    /// Throws `TransportError` with the code `invalidOption` for a value that cannot be used.
    public init(config: ConfigReader) throws(TransportError) {
        self.init()
        try ConfigurationSource(config).apply(Self.configurationKeys, to: &self)
    }

    package static let configurationKeys: [ConfigurationKey<Self>] = [
        ConfigurationKey("base.transportURL", type: "URL", isSecret: true, default: { _ in "none" }) {
            base, source, name throws(TransportError) in
            if let value = try source.secret(name) { base.transport = .transport(value.reveal()) }
        },
        ConfigurationKey("base.databaseConnection", type: "URL", isSecret: true, default: { _ in "none" }) {
            base, source, name throws(TransportError) in
            if let value = try source.secret(name) { base.database = .database(value.reveal()) }
        },
    ]
}

extension ScatterConfiguration {
    /// Reads how work is done in many cells; what has no value is as in `defaults`.
    ///
    /// Throws `TransportError` with the code `invalidOption` for a value that cannot be used.
    public init(config: ConfigReader, defaults: ScatterConfiguration = ScatterConfiguration()) throws(TransportError) {
        self = defaults
        try ConfigurationSource(config).apply(Self.configurationKeys, to: &self)
    }

    package static let configurationKeys: [ConfigurationKey<Self>] = [
        .seconds("cellTimeout", \.cellTimeout, in: 0.001...1e9),
        .seconds("timeout", \.timeout, in: 0.001...1e9),
        .integer("maximumParallelism", \.maximumParallelism, in: 1...1_000_000),
        .flag("skipsCell0", \.skipsCell0),
        .flag("includesDisabled", \.includesDisabled),
    ]
}

extension CellVersionsConfiguration {
    /// Reads how versions are looked for; what has no value is as in `defaults`.
    ///
    /// Throws `TransportError` with the code `invalidOption` for a value that cannot be used.
    public init(
        config: ConfigReader, defaults: CellVersionsConfiguration = CellVersionsConfiguration()
    ) throws(TransportError) {
        self = defaults
        try ConfigurationSource(config).apply(Self.configurationKeys, to: &self)
    }

    package static let configurationKeys: [ConfigurationKey<Self>] = [
        .seconds("refreshInterval", \.refreshInterval, in: 0.01...1e9),
        .seconds("cellTimeout", \.cellTimeout, in: 0.001...1e9),
        .integer("maximumParallelism", \.maximumParallelism, in: 1...1_000_000),
        .seconds("retryInterval", \.retryInterval, in: 0.01...1e9),
    ]
}

extension CellContextManager {
    /// A manager with the settings of `config`: those of ``CellConnectionConfiguration`` and ``BaseURLs``.
    ///
    /// Throws `TransportError` with the code `invalidOption` for a value that cannot be used.
    public convenience init(
        config: ConfigReader, directory: any CellDirectory, drivers: DriverRegistry,
        telemetry: Telemetry = Telemetry(), logger: Logger = Logger(label: "switchboard")
    ) throws(TransportError) {
        self.init(
            directory: directory, drivers: drivers, base: try BaseURLs(config: config),
            configuration: try CellConnectionConfiguration(config: config), telemetry: telemetry, logger: logger)
    }
}
#endif
