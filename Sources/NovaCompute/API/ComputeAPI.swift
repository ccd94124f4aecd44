public import SwitchboardMessaging

/// Nova's compute RPC API: the requests of API services, conductors and computes to a host's nova-compute.
///
/// It has a function for each of the 73 methods, with a similar name. Each sends its request through the queue that the
/// context carries, so the same value serves every cell:
///
///     let compute = ComputeAPI(client)
///     try await manager.withTargetCell(forInstance: uuid, context) { context in
///         try await compute.rebootInstance(instance, type: "SOFT", context: context)
///     }
///
/// **Versions**: Each function sends the newest form of its request that the pin of the context's cell allows. Older
/// forms lack arguments, or have other names for them. If no allowed form can carry the request, the function throws
/// `versionCapExceeded`; if an object is too new for the cell, `objectTooNew`. Nothing is sent then.
///
/// **Hosts**: If a function takes no host, or `nil`, the request goes to the instance's own host. If the instance has
/// none, the function throws `noHost`.
///
/// **Time**: A call waits for the client's timeout. A long call (migrations, caching of images) waits for
/// ``longTimeout``, as long as the host reports at least once per client timeout that it is still working. Functions
/// whose documentation says that they return once the request is on its way are casts: they don't report the outcome.
///
/// All functions throw `RPCError`, and `CancellationError` if the task is cancelled.
public struct ComputeAPI: Sendable {
    /// How long the calls that move or copy much may last; Nova's `long_rpc_timeout`.
    public var longTimeout: Duration

    /// Nova's `control_exchange`.
    public var exchange: String

    private let client: RPCClient
    private let pin: @Sendable (QueueRoute) throws -> ComputePin

    /// - Parameters:
    ///   - client: whose connection serves contexts that are aimed at no cell, and whose timeout is Nova's
    ///     `rpc_response_timeout`. Its target and version cap do not count.
    ///   - pin: what the computes behind every queue understand.
    ///   - longTimeout: how long long calls may last; Nova's `long_rpc_timeout`.
    ///   - exchange: Nova's `control_exchange`.
    public init(
        _ client: RPCClient,
        pin: ComputePin = .newest,
        longTimeout: Duration = .seconds(1800),
        exchange: String = "nova"
    ) {
        self.init(client, longTimeout: longTimeout, exchange: exchange) { _ in pin }
    }

    /// With a pin for each cell:
    ///
    ///     ComputeAPI(client) { queue in
    ///         guard let cell = queue.cellID else { return .newest }
    ///         return pins[cell] ?? oldest
    ///     }
    ///
    /// `cellID`, from `SwitchboardCells`, says which cell a queue belongs to. Its name is for people.
    ///
    /// - Parameters:
    ///   - client: the client whose connection serves contexts that aren't aimed at a cell.
    ///   - longTimeout: how long long calls may last; Nova's `long_rpc_timeout`.
    ///   - exchange: Nova's `control_exchange`.
    ///   - pin: says what the computes behind a queue understand; asked before every request. What it throws, the
    ///     request throws.
    public init(
        _ client: RPCClient,
        longTimeout: Duration = .seconds(1800),
        exchange: String = "nova",
        pin: @escaping @Sendable (QueueRoute) throws -> ComputePin
    ) {
        self.client = client
        self.longTimeout = longTimeout
        self.exchange = exchange
        self.pin = pin
    }

    /// What the computes behind the context's queue understand.
    public func pin(for context: RequestContext) throws -> ComputePin {
        try pin(context.mqConnection)
    }

    // MARK: Sending

    /// Casts to a host; the arguments are those of the version that is sent.
    func cast(
        _ method: ComputeMethod, to host: String, context: RequestContext,
        arguments: (RPCVersion) throws -> ComputeArguments
    ) async throws {
        let request = try request(method, to: host, context: context, arguments: arguments)
        try await request.client.cast(
            method.name, request.arguments, version: request.version, to: host, context: context)
    }

    /// Casts to a host, with the same arguments in every version.
    func cast(
        _ method: ComputeMethod, to host: String, _ arguments: ComputeArguments, context: RequestContext
    ) async throws {
        try await cast(method, to: host, context: context) { _ in arguments }
    }

    /// Calls a host; the arguments are those of the version that is sent.
    @discardableResult
    func call(
        _ method: ComputeMethod, to host: String, context: RequestContext,
        arguments: (RPCVersion) throws -> ComputeArguments
    ) async throws -> ComputeReply {
        let request = try request(method, to: host, context: context, arguments: arguments)
        let value = try await request.client.call(
            method.name, request.arguments, version: request.version, to: host, context: context)
        return ComputeReply(method: method.name, value: value)
    }

    /// Calls a host, with the same arguments in every version.
    @discardableResult
    func call(
        _ method: ComputeMethod, to host: String, _ arguments: ComputeArguments = [:], context: RequestContext
    ) async throws -> ComputeReply {
        try await call(method, to: host, context: context) { _ in arguments }
    }

    private struct Request {
        let client: RPCClient
        let version: RPCVersion
        let arguments: JSONObject
    }

    /// Over this response timeout every call asks for keepalives, so that a dead host is noticed no later than before.
    private static let keepaliveThreshold: Duration = .seconds(60)

    private func request(
        _ method: ComputeMethod, to host: String, context: RequestContext,
        arguments: (RPCVersion) throws -> ComputeArguments
    ) throws -> Request {
        guard !host.isEmpty else {
            throw RPCError(.noHost, "\(method.name) cannot be sent: the host's name is empty.")
        }
        let pin = try pin(for: context)
        let version = try method.version(under: pin)
        let arguments = try arguments(version).json
        for (name, value) in arguments { try pin.objects.check(value, at: "\(method.name)'s \(name)") }

        var client = client
        client.target = RPCTarget(topic: method.topic(under: pin), exchange: exchange)
        client.versionCap = pin.version
        if method.isLong {
            client.keepaliveInterval = client.timeout
            client.timeout = longTimeout
        } else {
            client.keepaliveInterval = client.timeout > Self.keepaliveThreshold ? Self.keepaliveThreshold : nil
        }
        return Request(client: client, version: version, arguments: arguments)
    }

    // MARK: Hosts

    /// The host that a request about an instance goes to: the one the caller names, else the instance's.
    func host(_ host: String? = nil, of instance: NovaObject?) throws -> String {
        if let host, !host.isEmpty { return host }
        guard let instance else {
            throw RPCError(.noHost, "The request names neither a host nor an instance.")
        }
        guard let host = instance["host"]?.string, !host.isEmpty else {
            throw RPCError(.noHost, "\(instance) is on no host, and the request names none.")
        }
        return host
    }

    /// The host in a field of a migration.
    func host(_ field: String, ofMigration migration: NovaObject) throws -> String {
        guard let host = migration[field]?.string, !host.isEmpty else {
            throw RPCError(.noHost, "\(migration) has no \(field).")
        }
        return host
    }
}
