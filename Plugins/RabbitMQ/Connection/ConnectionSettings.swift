#if RabbitMQ
import Logging
import NIOCore
import NIOPosix
import SwitchboardCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Everything that a connection is made with.
struct ConnectionSettings: Sendable {
    enum Role: String, Sendable {
        case publish, consume
        /// Looks at a broker once; no driver has such a connection.
        case inspect
    }

    var role: Role
    var configuration: RabbitMQConfiguration
    var tls: TLSClient?
    var metrics: DriverMetrics
    var logger: Logger
    /// Asks for ``BrokerConnection/renewCredentials()``.
    var renew: @Sendable () -> Void

    /// Who logs in at `endpoint`: the URL's user, else what the provider says, else `guest` as oslo.messaging.
    func credentials(for endpoint: Endpoint) async throws -> RabbitMQCredentials {
        guard endpoint.username == nil, let provider = configuration.credentials else {
            return RabbitMQCredentials(
                username: endpoint.username ?? "guest", password: endpoint.password ?? "guest")
        }
        // A provider may be anybody's code.
        let limit = configuration.connectTimeout
        let late = TransportError(.unavailable, "It did not answer within \(limit).")
        return try await withDeadline(limit, late: late) { try await provider.credentials() }
    }

    func login(_ credentials: RabbitMQCredentials, to endpoint: Endpoint) -> Login {
        Login(
            method: configuration.loginMethod, username: credentials.username, password: credentials.password,
            virtualHost: endpoint.virtualHost, properties: clientProperties,
            heartbeat: UInt16(clamping: configuration.heartbeat?.wholeSeconds ?? 0))
    }

    /// What the broker shows to people, and the notices that it then sends. Without `consumer_cancel_notify` a deleted
    /// queue is silent; without `connection.blocked` so is a full broker.
    private var clientProperties: FieldTable {
        let name = configuration.connectionName ?? "\(Self.programName):\(getpid())"
        return [
            "product": .string("Switchboard"),
            "platform": .string("Swift"),
            "capabilities": .table([
                "authentication_failure_close": .bool(true),
                "basic.nack": .bool(true),
                "connection.blocked": .bool(true),
                "consumer_cancel_notify": .bool(true),
                "exchange_exchange_bindings": .bool(true),
                "publisher_confirms": .bool(true),
            ]),
            "connection_name": .string("\(name):\(role.rawValue)"),
        ]
    }

    static var programName: String {
        let path = CommandLine.arguments.first ?? "switchboard"
        return path.split(separator: "/").last.map(String.init) ?? "switchboard"
    }

    /// Takes certificates that were renewed.
    func refreshTLS() async {
        do {
            try await tls?.refresh()
        } catch {
            logger.warning(
                "The files for TLS have changed and cannot be used, what was read before is",
                metadata: ["error": "\(error)"])
        }
    }

    /// Begins to connect. The channel's bytes go to `owner`.
    func connect<Owner: SocketOwner>(
        to endpoint: Endpoint, on eventLoop: any EventLoop, owner: Owner
    ) throws -> EventLoopFuture<any Channel> {
        let tls = tls
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(TimeAmount(clamping: configuration.connectTimeout))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelOption(.writeBufferWaterMark, value: .init(low: 256 * 1024, high: 1024 * 1024))
            .channelOption(.recvAllocator, value: AdaptiveRecvByteBufferAllocator())
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try tls?.add(to: channel.pipeline.syncOperations, host: endpoint.host)
                    try channel.pipeline.syncOperations.addHandler(
                        SocketHandler(owner: owner))
                }
            }
        if let address = try? SocketAddress(ipAddress: endpoint.host, port: endpoint.port) {
            return bootstrap.connect(to: address)
        }
        return bootstrap.connect(host: endpoint.host, port: endpoint.port)
    }
}
#endif
