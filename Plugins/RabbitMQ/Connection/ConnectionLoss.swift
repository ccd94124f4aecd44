#if RabbitMQ
import SwitchboardCore

/// Why a connection could not be made or was lost.
struct ConnectionLoss: Error, Hashable, Sendable {
    /// What trying again does not help against, unless somebody changes something at the broker.
    enum Refusal: Hashable, Sendable {
        /// The user or the virtual host.
        case login
        /// The login method.
        case method
        /// What was declared on the connection.
        case declaration
    }

    /// For people; never holds a secret.
    var reason: String
    /// What the broker refused; `nil` for a loss that may pass by itself.
    private(set) var refusal: Refusal?

    var isRefusal: Bool { refusal != nil }
    /// Whether the broker takes no transient queues, over one of which it closed the connection.
    var refusesTransientQueues: Bool { refusal == .declaration }

    /// Whether the broker has closed the connection, and said so.
    private var isClosure = false
    /// Whether the broker has failed over something that it was asked on the open connection (541), and closed all of it.
    private(set) var isFailureOfBroker = false

    /// Whether this side has ended the connection for another one to take its place.
    private(set) var isReplacement = false

    static let replaced: ConnectionLoss = {
        var loss = ConnectionLoss("the credentials have changed")
        loss.isReplacement = true
        return loss
    }()

    /// The reason as a metric's label.
    var kind: String {
        if isRefusal { return "refused" }
        if isClosure { return "closed_by_broker" }
        if reason.hasPrefix("the protocol was violated") { return "protocol" }
        if reason.hasPrefix("the broker was silent") { return "heartbeat" }
        return "network"
    }

    /// Whether it is the user or the virtual host that the broker did not like.
    var isAboutLogin: Bool { refusal == .login }

    init(_ reason: String, isRefusal: Bool = false) {
        self.reason = reason
        refusal = isRefusal ? .method : nil
    }

    /// What the broker said when it closed the connection.
    ///
    /// 403 at login: credentials or mechanism. 530: the virtual host does not exist or is not this user's, but also
    /// limits and a virtual host that is starting up, which pass.
    init(_ closure: IncomingMethod.Closure, duringLogin: Bool) {
        reason = "the broker closed the connection: \(closure.code) \(closure.text)"
        let passes = ["connection limit", "is down", "connection_limit"].contains { closure.text.contains($0) }
        if duringLogin, !passes, closure.code == 403 || closure.code == 530 { refusal = .login }
        isClosure = true
        isFailureOfBroker = closure.code == 541 && !duringLogin
        if closure.text.contains("transient_nonexcl_queues") {
            // It closes the connection over one declaration, and would again over the same one.
            refusal = .declaration
            isFailureOfBroker = false
            reason += " (this broker takes durable queues only: use amqp_durable_queues=true and "
            reason += "rabbit_transient_queues_durable=true, the preset RabbitMQConfiguration.durable)"
        }
    }
}

/// A host of the URL with everything filled in: what one connection connects to.
struct Endpoint: Hashable, Sendable {
    var host: String
    var port: Int
    var username: String?
    var password: Secret?
    var virtualHost: String

    struct Credentials: Hashable, Sendable {
        var username: String?
        var password: Secret?
    }

    /// Who logs in there.
    var credentials: Credentials { Credentials(username: username, password: password) }

    /// `localhost:5672`
    var address: String {
        "\(host.contains(":") ? "[\(host)]" : host):\(port)"
    }

    /// `guest@localhost:5672, virtual host /`: what a person needs to find the broker. Without the password.
    func description(username: String) -> String {
        "\(username)@\(address), virtual host \(virtualHost)"
    }

    /// The hosts of a URL as oslo.messaging's rabbit driver understands them (oslo-wire.md §1.2), except that TLS has
    /// the port 5671, that nothing is decoded twice, and that passwords may hold any character.
    static func all(of url: TransportURL, usesTLS: Bool) -> [Endpoint] {
        let hosts = url.hosts.isEmpty ? [TransportURL.Host(name: "")] : url.hosts
        return hosts.map { host in
            let username = host.username.flatMap { $0.isEmpty ? nil : $0 }
            let password = host.password.flatMap { $0.isEmpty ? nil : $0 }
            let port = host.port.flatMap { $0 == 0 ? nil : $0 } ?? (usesTLS ? 5671 : 5672)
            let virtualHost = url.virtualHost.flatMap { $0.isEmpty ? nil : $0 } ?? "/"
            return Endpoint(
                host: host.name.isEmpty ? "localhost" : host.name, port: port, username: username,
                password: password, virtualHost: virtualHost)
        }
    }
}
#endif
