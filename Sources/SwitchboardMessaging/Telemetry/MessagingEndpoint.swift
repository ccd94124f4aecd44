import SwitchboardCore

/// What a connection talks to, as OpenTelemetry names it.
struct MessagingEndpoint: Sendable {
    /// `messaging.system`.
    let system: String
    /// `server.address`: the hosts of the URL, separated by commas; `nil` where it names none.
    let address: String?
    /// `server.port`, where the URL names it and all its hosts have the same.
    let port: Int?

    init(_ transport: Transport) {
        self.init(transport.url, system: transport.messagingSystem)
    }

    init(_ url: TransportURL, system: String) {
        self.system = system
        let hosts = url.hosts.filter { !$0.name.isEmpty }
        address = hosts.isEmpty ? nil : hosts.map(\.name).joined(separator: ",")
        let ports = Set(hosts.map(\.port))
        port = ports.count == 1 ? ports.first ?? nil : nil
    }
}
