import SwitchboardCore

extension RPCServer {
    /// How the server stands, as far as is known. Waits for nothing.
    ///
    /// It is ``HealthCheck/Status/starting`` until it listens, ``HealthCheck/Status/ready`` while it does and its connection
    /// is ready, ``HealthCheck/Status/deaf`` when the last ``checkHealth(timeout:)`` did not reach it.
    public var health: HealthCheck {
        life.health("\(name) of \(topic)", of: connection, deafness: hearing.deafness)
    }

    /// Sends a request to this server through the queue, and tells how it stands.
    ///
    /// The request goes to the server's own address and ends before middleware, handlers and metrics. A server that has all
    /// its handlers at work is busy and not deaf: what it takes meanwhile proves that it hears.
    ///
    /// - Parameter timeout: how long the request may take until the server counts as deaf.
    public func checkHealth(timeout: Duration = .seconds(5)) async -> HealthCheck {
        let before = health
        guard before.status == .ready || before.status == .deaf else { return before }
        await HealthProbe.send(to: self, timeout: timeout)
        return health
    }
}

/// The request by which a server finds out whether requests reach it.
enum HealthProbe {
    /// Its method. Servers answer it themselves.
    private static let method = "switchboard_health_probe"

    static func isOne(_ request: OsloRequest) -> Bool {
        request.method == method
    }

    static func send(to server: RPCServer, timeout: Duration) async {
        let deadline = Moment.now + min(timeout, RPCDeadline.longestWait)
        var fields = OsloRequest.Fields()
        fields.rawMethod = .string(method)
        fields.uniqueID = UniqueID.make()
        fields.deadline = RPCDeadline.value(until: deadline)
        let request = OsloRequest(fields)
        let taken = server.requestsTaken
        do {
            _ = try await server.connection.call(
                request, to: .server(server.topic, server: server.name), deadline: deadline, keepaliveInterval: nil,
                mandatory: true)
            server.hearing.heard()
        } catch PendingCalls.Failure.timeout where server.isBusy || server.requestsTaken != taken {
            // It takes requests; this one waits for its turn.
            server.hearing.heard()
        } catch PendingCalls.Failure.timeout {
            server.hearing.missed("a request to itself did not arrive within \(timeout)")
        } catch let error as TransportError where error.code == .unroutable {
            server.hearing.missed("its queue is gone: \(error.message)")
        } catch {
            // That tells of the connection, which has a check of its own.
        }
    }
}
