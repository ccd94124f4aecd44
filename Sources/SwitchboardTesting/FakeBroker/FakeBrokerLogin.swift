import SwitchboardCore

/// Who wants in, and where.
struct FakeBrokerLogin: Sendable {
    let username: String
    let password: Secret
    let virtualHost: String

    init(_ url: TransportURL) {
        let host = url.hosts.first
        username = host?.username ?? "guest"
        password = host?.password ?? "guest"
        virtualHost = url.virtualHost.flatMap { $0.isEmpty ? nil : $0 } ?? "/"
    }

    func admission(
        _ state: FakeBroker.State, _ configuration: FakeBrokerConfiguration, _ id: UInt64
    ) -> FakeBroker.Admission {
        if !state.isRunning { return .later(reason: "the connection was refused: the broker is stopped") }
        if let passwords = state.passwords, passwords[username] != password {
            return .refused(
                BrokerClosure(
                    code: 403,
                    text: "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN (user "
                        + "'\(username)', a wrong user name or password)"))
        }
        if let virtualHosts = state.virtualHosts, !virtualHosts.contains(virtualHost) {
            return .refused(BrokerClosure(code: 530, text: "NOT_ALLOWED - vhost \(virtualHost) not found"))
        }
        let others = state.connections.count { $0.key != id && $0.value == virtualHost }
        if let limit = configuration.connectionLimit, others >= limit {
            return .later(
                reason:
                    "530 NOT_ALLOWED - access to vhost '\(virtualHost)' refused: connection limit (\(limit)) is reached"
            )
        }
        return .taken
    }
}
