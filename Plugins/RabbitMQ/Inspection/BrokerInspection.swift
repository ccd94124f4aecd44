#if RabbitMQ
package import Logging
import NIOCore
import NIOPosix
package import SwitchboardCore

/// Looks at a broker one step at a time, with what the driver itself would use for its URL: hosts, TLS, login, declarations.
///
/// Each step has a deadline, and nothing that it does stays at the broker.
package struct BrokerInspection: Sendable {
    /// One host of the URL.
    package struct Host: Hashable, Sendable {
        let endpoint: Endpoint

        package var name: String { endpoint.host }
        package var port: Int { endpoint.port }
        /// `localhost:5672`
        package var address: String { endpoint.address }
        package var virtualHost: String { endpoint.virtualHost }
    }

    package let hosts: [Host]
    package let usesTLS: Bool
    /// How queues and exchanges would be declared.
    package let topology: RabbitMQTopology
    /// The longest body that the driver takes, in bytes.
    package let maximumMessageSize: Int
    private let settings: ConnectionSettings
    private let timeout: Duration
    private let eventLoop: any EventLoop

    /// Checks the options of the URL and the files that they name, as the driver does, and doesn't connect.
    ///
    /// - Parameter timeout: how long the broker may take to answer in each step.
    package init(
        _ url: TransportURL, configuration: RabbitMQConfiguration = .osloDefaults, timeout: Duration, logger: Logger
    ) throws(TransportError) {
        try self.init(checked: OsloOptions.apply(url, to: configuration), url, timeout, logger)
    }

    /// The same with options as `[oslo_messaging_rabbit]` of a configuration file has them, each of which a URL's own wins over.
    package init(
        _ url: TransportURL, besides options: [TransportURL.Option], timeout: Duration, logger: Logger
    ) throws(TransportError) {
        try self.init(checked: OsloOptions.configuration(of: url, besides: options), url, timeout, logger)
    }

    private init(
        checked: RabbitMQConfiguration, _ url: TransportURL, _ timeout: Duration, _ logger: Logger
    ) throws(TransportError) {
        var configuration = checked
        configuration.connectTimeout = timeout
        let tls: TLSClient? = if let options = configuration.tls { try TLSClient(options) } else { nil }
        let endpoints = Endpoint.all(of: url, usesTLS: tls != nil)
        hosts = endpoints.map { Host(endpoint: $0) }
        usesTLS = tls != nil
        topology = configuration.topology
        maximumMessageSize = configuration.maximumMessageSize
        self.timeout = timeout
        eventLoop = EventLoops.next()
        settings = ConnectionSettings(
            role: .inspect, configuration: configuration, tls: tls, metrics: DriverMetrics(), logger: logger, renew: {})
    }

    /// The addresses of a host.
    package func resolve(_ host: Host) async throws(InspectionFailure) -> [String] {
        let (name, port) = (host.name, host.port)
        if let address = try? SocketAddress(ipAddress: name, port: port) { return [address.ipAddress ?? name] }
        // The resolver takes its time, and cannot be stopped: a late answer concerns no one.
        let answer = eventLoop.makePromise(of: Result<[String], InspectionFailure>.self)
        let late = InspectionFailure(.resolution, "no name server answered within \(timeout.inSeconds)")
        let timer = eventLoop.scheduleTask(in: TimeAmount(clamping: timeout)) { answer.succeed(.failure(late)) }
        let looking = NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) {
            try SocketAddress.makeAddressResolvingHost(name, port: port)
        }
        looking.whenComplete { result in
            switch result {
            case .success(let address): answer.succeed(.success([address.ipAddress ?? "\(address)"]))
            case .failure(let error):
                let reason = "the host name \(name) was not resolved (\(error))"
                answer.succeed(.failure(InspectionFailure(.resolution, reason)))
            }
        }
        let result = try? await answer.futureResult.get()
        timer.cancel()
        return try (result ?? .failure(late)).get()
    }

    /// Opens a socket and closes it. Returns how long it took.
    package func connect(to host: Host) async throws(InspectionFailure) -> Duration {
        let begin = ContinuousClock.now
        do {
            let channel = try await ClientBootstrap(group: eventLoop).connectTimeout(TimeAmount(clamping: timeout))
                .connect(host: host.name, port: host.port).get()
            let time = begin.duration(to: .now)
            channel.close(promise: nil)
            return time
        } catch {
            throw InspectionFailure(.socket, ConnectFailure.describe(error))
        }
    }

    /// What the port speaks, for people who wonder why a connection ends before it begins.
    package func language(of host: Host) async -> PortLanguage {
        await PortLanguage.of(host.endpoint, within: min(timeout, .seconds(2)), on: eventLoop)
    }

    /// Begins TLS, and tells what the broker shows and whether the driver accepts it.
    ///
    /// - Parameter now: in seconds since 1970.
    package func inspectTLS(of host: Host, now: Int) async throws(InspectionFailure) -> InspectedTLS {
        #if TLS
        let client: TLSClient
        if let own = settings.tls {
            client = own
        } else {
            do throws(TransportError) {
                client = try TLSClient(.init())
            } catch {
                throw InspectionFailure(.tls, error.message)
            }
        }
        let inspection = TLSInspection(client: client, endpoint: host.endpoint, timeout: timeout, eventLoop: eventLoop)
        return try await inspection.inspect(now: now)
        #else
        throw InspectionFailure(.tls, "this program was built without TLS")
        #endif
    }

    /// Logs in, and opens the virtual host. Close what it returns.
    package func logIn(to host: Host) async throws(InspectionFailure) -> BrokerLook {
        let credentials: RabbitMQCredentials
        do {
            credentials = try await settings.credentials(for: host.endpoint)
        } catch {
            throw InspectionFailure(.login, "the provider of credentials failed: \(error)")
        }
        let session = InspectionSession(settings, to: host.endpoint, timeout: timeout, on: eventLoop)
        let broker = try await session.open(credentials)
        return BrokerLook(
            session: session, broker: broker, username: credentials.username,
            topology: Topology(
                settings.configuration.topology, directRequests: settings.configuration.directRequests))
    }
}
#endif
