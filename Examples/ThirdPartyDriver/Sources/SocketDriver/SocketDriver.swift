public import SwitchboardCore

// snippet.socket-driver
extension DriverPlugin {
    /// The driver for `unix:///path/of/the/hub.sock`. It has no options.
    public static func socket() -> DriverPlugin {
        DriverPlugin(schemes: "unix") { url, _ throws(TransportError) in try SocketDriver(url) }
    }
}

/// Moves messages over a Unix socket, by a ``SocketHub`` that holds the queues.
///
/// What a queue does is the hub's affair, what messages mean is Switchboard's, and waiting, repeating and connecting
/// again are `Transport`'s.
public final class SocketDriver: TransportDriver {
    public let capabilities: DriverCapabilities = [
        .interprocess, .redelivery, .ordered, .detectsUnroutable, .expires, .reconnects, .ephemeralFanouts,
        .countsAttempts,
    ]

    /// A hub that has just gone may be back at once; later there is no hurry.
    public let backoff = ReconnectBackoff(shortest: .milliseconds(5), longest: .milliseconds(500))

    private let path: SocketPath

    /// Creates a driver. Throws `invalidURL` or `invalidOption`; connects to nothing.
    public init(_ url: TransportURL) throws(TransportError) {
        guard url.hosts.allSatisfy({ $0 == TransportURL.Host(name: "") }) else {
            throw TransportError(
                .invalidURL, "\(url.scheme):// takes a path and no host: \(url.scheme):///run/hub.sock.")
        }
        try URLOptions(url).finish()
        path = try SocketPath("/" + (url.virtualHost ?? ""))
    }

    public func connect(
        _ role: ConnectionRole, signals: ConnectionSignals
    ) async throws(ConnectionFailure) -> any DriverConnection {
        let connection = SocketConnection(try path.connect(), path, signals)
        connection.start()
        return connection
    }
}
// snippet.end
