import SwitchboardCore

/// What the URL of an in-process driver says.
struct InProcessConfiguration: Hashable {
    /// The name of the world. A virtual host belongs to it: `fake://nova/cell1` and `fake://nova/cell2` are two.
    var name: String
    var limits = InProcessQueue.Limits(messages: 10_000, bytes: 256 * 1024 * 1024)

    init(_ url: TransportURL) throws(TransportError) {
        guard url.hosts.count <= 1 else {
            throw TransportError(
                .invalidURL,
                "\(url.scheme):// takes one name, not \(url.hosts.count) hosts: nothing in a process has a second one.")
        }
        let host = url.hosts.first
        guard host?.username == nil, host?.password == nil else {
            throw TransportError(
                .invalidURL, "\(url.scheme):// has no accounts: leave user name and password out of the URL.")
        }
        guard host?.port == nil else {
            throw TransportError(.invalidURL, "\(url.scheme):// has no ports: write \(url.scheme)://NAME.")
        }
        name = host?.name ?? ""
        if let virtualHost = url.virtualHost, !virtualHost.isEmpty { name += "/" + virtualHost }
        var options = try URLOptions(url)
        limits.messages = try options.integer("queue_limit", in: 1...Int.max) ?? limits.messages
        limits.bytes = try options.integer("byte_limit", in: 1...Int.max) ?? limits.bytes
        try options.finish()
    }
}
