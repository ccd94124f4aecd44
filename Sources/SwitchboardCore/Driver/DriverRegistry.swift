public import Logging

/// A driver as a value: the URL schemes it serves, and how to create a driver from a URL.
///
/// A plug-in adds a static function to this type, so that a registry reads `DriverRegistry(.inProcess(), .rabbitMQ())`.
public struct DriverPlugin: Sendable {
    /// The URL schemes, in lower case.
    public let schemes: [String]

    /// Creates a driver. Parses and validates, and never connects. An unknown or misspelled URL option is an error that
    /// suggests a similar one.
    public let makeDriver: @Sendable (TransportURL, Logger) throws(TransportError) -> any TransportDriver

    public init(
        schemes: String...,
        makeDriver: @escaping @Sendable (TransportURL, Logger) throws(TransportError) -> any TransportDriver
    ) {
        self.init(schemes: schemes, makeDriver: makeDriver)
    }

    public init(
        schemes: [String],
        makeDriver: @escaping @Sendable (TransportURL, Logger) throws(TransportError) -> any TransportDriver
    ) {
        self.schemes = schemes.map { $0.lowercased() }
        self.makeDriver = makeDriver
    }
}

/// The drivers of a program, by URL scheme. A value: nothing registers as a side effect.
public struct DriverRegistry: Sendable {
    private var plugins: [String: DriverPlugin] = [:]
    private var absences: [String: String] = [:]

    /// Traps if two plug-ins claim the same scheme, because the order must not decide which one wins.
    public init(_ plugins: DriverPlugin...) {
        self.init(plugins)
    }

    /// Traps when two plug-ins claim one scheme: which one wins must not depend on order.
    public init(_ plugins: [DriverPlugin]) {
        for plugin in plugins {
            register(plugin)
        }
    }

    public mutating func register(_ plugin: DriverPlugin) {
        for scheme in plugin.schemes {
            precondition(plugins[scheme] == nil, "The scheme \(scheme):// is registered twice.")
            plugins[scheme] = plugin
        }
    }

    /// States why this program doesn't serve some schemes, and what to do about it. The error for a URL with such a
    /// scheme repeats the sentence. Use it for drivers that your application was built without.
    ///
    ///     drivers.explainAbsence(of: "rabbit", "amqp", because: "Build this program with the trait RabbitMQ.")
    public mutating func explainAbsence(of schemes: String..., because sentence: String) {
        for scheme in schemes { absences[scheme.lowercased()] = sentence }
    }

    /// The registered schemes, sorted.
    public var schemes: [String] {
        plugins.keys.sorted()
    }

    /// Creates the driver for a URL. Never connects.
    public func makeDriver(
        for url: TransportURL, logger: Logger
    ) throws(TransportError) -> any TransportDriver {
        guard let plugin = plugins[url.scheme] else { throw unknownScheme(of: url) }
        return try plugin.makeDriver(url, logger)
    }

    private func unknownScheme(of url: TransportURL) -> TransportError {
        let known = schemes.isEmpty ? "none" : schemes.map { "\($0)://" }.joined(separator: ", ")
        var sentence = "No driver is registered for \(url.scheme):// (registered: \(known))."
        if let absence = absences[url.scheme] {
            sentence += " \(absence)"
        } else if url.scheme == "none" {
            sentence += " A none:// URL says that there is no queue; there is nothing to connect to."
        } else if let near = URLOptions.nearest(to: url.scheme, in: schemes) {
            sentence += " Did you mean \(near)://?"
        } else {
            sentence += " Add the library that has a driver for it to the program, and its plug-in to the registry."
        }
        return TransportError(.unknownScheme, sentence)
    }
}
