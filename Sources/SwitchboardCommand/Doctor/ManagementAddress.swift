import Foundation

/// Where RabbitMQ's management API is.
struct ManagementAddress: Hashable, Sendable {
    let host: String
    let port: Int
    let usesTLS: Bool

    /// `http://host:15672` or `https://host:15671`, with these ports by default; without a user, which would be in the process list.
    init?(_ text: String) {
        guard let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            ["http", "https"].contains(scheme),
            var host = parts.host, !host.isEmpty, parts.user == nil, parts.query == nil, ["", "/"].contains(parts.path)
        else { return nil }
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        self.host = host
        usesTLS = scheme == "https"
        port = parts.port ?? (usesTLS ? 15671 : 15672)
        guard (1...65535).contains(port) else { return nil }
    }

    /// `host:15672`
    var text: String { "\(host.contains(":") ? "[\(host)]" : host):\(port)" }
}
