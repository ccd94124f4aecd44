public import SwitchboardCore

/// Sends RPC requests: through the queue that each request's context carries, else through the process's own.
///
/// A light value: copy it and change what differs.
///
///     let client = RPCClient(connection, target: RPCTarget(topic: "compute", exchange: "nova"))
///     let sum = try await client.call(Calculator.add, .init(a: 1, b: 2), to: "host1", context: context)
public struct RPCClient: Sendable {
    /// Where requests go when the call names no server of its own.
    public var target: RPCTarget

    /// The newest version that may be sent; `nil`: any. A request without a version is refused when there is a cap.
    public var versionCap: RPCVersion?

    /// How long a call waits for its reply, and a cast for the queue to take it over.
    public var timeout: Duration

    /// When not `nil`, the server is asked to say every half of it that it is still at work, and a call fails after a
    /// silence of this long even when its timeout is far (oslo-wire.md §4.5). Servers keep to it from 2 seconds on. Zero
    /// is the same as `nil`, as in oslo.messaging.
    public var keepaliveInterval: Duration?

    /// Whether requests must never be executed twice, rather than once if at all possible.
    ///
    /// Such a request is published once: where a lost connection leaves open whether the queue has it, the request fails
    /// with ``RPCError/Code/indeterminate`` instead of being sent again. And a server of Switchboard's begins with it only
    /// when the queue has forgotten it for certain, which costs a round trip to the broker. See
    /// <doc:ExecutedHowOften>, also for what oslo.messaging's servers promise.
    public var neverTwice = false

    /// Whether a call tells the server how long its caller waits, in the key `switchboard_deadline_ms` of the context
    /// (<doc:Deadlines>). Turn it off for services that take no context but one of exactly the keys they know; then a
    /// handler goes on when its caller has left.
    public var sendsDeadline = true

    /// Whether a request that nobody listens for fails at once, instead of after its timeout. For fanouts, to which
    /// having no listener is normal, it does not count.
    public var detectsMissingListeners = true

    /// How often a request is tried that was certainly not sent.
    public var retry = RPCRetryPolicy()

    /// Which errors of the other side are thrown as Swift errors of their own.
    public var errors = RPCErrorRegistry()

    /// What every request passes through, the first one outermost.
    public var middleware: [any RPCClientMiddleware] = []

    let connection: MessageQueueConnection

    /// The number of calls through the process's own queue that wait for their replies.
    public var callsInFlight: Int { connection.callsInFlight }

    /// - Parameter connection: the process's own queue, for contexts that are not aimed at a cell.
    public init(
        _ connection: MessageQueueConnection,
        target: RPCTarget,
        versionCap: RPCVersion? = nil,
        timeout: Duration = .seconds(60),
        keepaliveInterval: Duration? = nil
    ) {
        self.connection = connection
        self.target = target
        self.versionCap = versionCap
        self.timeout = timeout
        self.keepaliveInterval = keepaliveInterval
    }

    // MARK: Typed

    /// Calls a method and waits for its reply.
    ///
    /// - Parameters:
    ///   - server: the one server that shall take it; `nil`: the target's.
    ///   - context: says who asks, and through which queue.
    ///   - timeout: instead of the client's.
    /// - Throws: ``RPCError``; an error of ``errors``; or `CancellationError` when the task is cancelled, which the server
    ///   is told, best effort, so that the handler is cancelled too.
    public func call<Arguments, Reply>(
        _ method: RPCMethod<Arguments, Reply>,
        _ arguments: Arguments,
        to server: String? = nil,
        context: RequestContext,
        timeout: Duration? = nil
    ) async throws -> Reply {
        let result = try await call(
            method.name, try encode(arguments, of: method.name), namespace: method.namespace, version: method.version,
            to: server, context: context, timeout: timeout)
        do {
            return try result.decode(Reply.self)
        } catch {
            throw RPCError(
                .invalidReply, "The reply of \(method.name) is no \(Reply.self): \(error)", cause: error)
        }
    }

    /// Sends a request that nobody replies to. Returns once the queue has taken it over.
    public func cast<Arguments, Reply>(
        _ method: RPCMethod<Arguments, Reply>,
        _ arguments: Arguments,
        to server: String? = nil,
        context: RequestContext
    ) async throws {
        try await cast(
            method.name, try encode(arguments, of: method.name), namespace: method.namespace, version: method.version,
            to: server, context: context)
    }

    /// Sends a request to every server of a topic; nobody replies. Returns once the queue has taken it over.
    public func fanout<Arguments, Reply>(
        _ method: RPCMethod<Arguments, Reply>,
        _ arguments: Arguments,
        to topic: Topic? = nil,
        context: RequestContext
    ) async throws {
        try await fanout(
            method.name, try encode(arguments, of: method.name), namespace: method.namespace, version: method.version,
            to: topic, context: context)
    }

    // MARK: Dynamic

    /// Calls a method by name, with arguments and a reply as JSON.
    ///
    /// - Parameter version: `nil` sends none, which servers take for 1.0.
    public func call(
        _ method: String,
        _ arguments: JSONObject = [:],
        namespace: String? = nil,
        version: RPCVersion? = nil,
        to server: String? = nil,
        context: RequestContext,
        timeout: Duration? = nil
    ) async throws -> JSONValue {
        try await perform(
            request(.call, method, arguments, namespace, version, to: server, context, timeout: timeout ?? self.timeout)
        )
    }

    /// Sends a request by name that nobody replies to. Returns once the queue has taken it over.
    public func cast(
        _ method: String,
        _ arguments: JSONObject = [:],
        namespace: String? = nil,
        version: RPCVersion? = nil,
        to server: String? = nil,
        context: RequestContext
    ) async throws {
        _ = try await perform(
            request(.cast, method, arguments, namespace, version, to: server, context, timeout: timeout))
    }

    /// Sends a request by name to every server of a topic; nobody replies.
    public func fanout(
        _ method: String,
        _ arguments: JSONObject = [:],
        namespace: String? = nil,
        version: RPCVersion? = nil,
        to topic: Topic? = nil,
        context: RequestContext
    ) async throws {
        var request = request(.fanout, method, arguments, namespace, version, to: nil, context, timeout: timeout)
        let topic = topic ?? target.topic
        request.target = RPCTarget(topic: topic.name, exchange: topic.exchange)
        _ = try await perform(request)
    }

    /// Whether the version cap allows a request of this version.
    public func canSend(_ version: RPCVersion) -> Bool {
        versionCap?.isCompatible(with: version) ?? true
    }

    // MARK: Inside

    private func encode(_ arguments: some Encodable, of method: String) throws -> JSONObject {
        let value: JSONValue
        do {
            value = try JSONValue(encoding: arguments)
        } catch {
            throw RPCError(.invalidArguments, "The arguments of \(method) cannot be encoded: \(error)", cause: error)
        }
        guard case .object(let object) = value else {
            throw RPCError(
                .invalidArguments,
                "The arguments of \(method) encode to no JSON object; RPC arguments are named. Use a struct.")
        }
        return object
    }

    private func request(
        _ kind: RPCClientRequest.Kind, _ method: String, _ arguments: JSONObject, _ namespace: String?,
        _ version: RPCVersion?, to server: String?, _ context: RequestContext, timeout: Duration
    ) -> RPCClientRequest {
        var target = target
        target.server = server ?? target.server
        return RPCClientRequest(
            kind: kind, method: method, arguments: arguments, namespace: namespace, version: version, target: target,
            context: context, timeout: timeout, neverTwice: neverTwice)
    }

    /// Sends a request through the middleware, as calls and casts do.
    package func perform(_ request: RPCClientRequest) async throws -> JSONValue {
        if middleware.isEmpty { return try await send(request) }
        return try await MiddlewareChain.send(request, through: middleware[...]) { try await send($0) }
    }
}
