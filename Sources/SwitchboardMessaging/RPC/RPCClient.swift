public import SwitchboardCore

/// Sends RPC requests through the queue that each request's context carries, or else through the process's own queue.
///
/// A lightweight value: copy it and change what differs.
///
///     let client = RPCClient(connection, target: RPCTarget(topic: "compute", exchange: "nova"))
///     let sum = try await client.call(Calculator.add, .init(a: 1, b: 2), to: "host1", context: context)
public struct RPCClient: Sendable {
    /// Where requests go unless a call names a server.
    public var target: RPCTarget

    /// The newest version that may be sent; `nil` allows any. If there is a cap, a request without a version is
    /// refused.
    public var versionCap: RPCVersion?

    /// How long a call waits for its reply, and a cast for the queue to accept it.
    public var timeout: Duration

    /// If set, the server reports twice per interval that it is still working, and a call fails after one interval of
    /// silence, even if its timeout is longer (oslo-wire.md §4.5). Python servers support intervals of 2 seconds and
    /// longer. Zero is the same as `nil`, as in oslo.messaging.
    public var keepaliveInterval: Duration?

    /// Whether requests must never be executed twice, even if that means that some aren't executed at all.
    ///
    /// Such a request is published once. If the connection is lost before the queue has confirmed it, the request fails
    /// with ``RPCError/Code/indeterminate`` instead of being sent again. A Switchboard server starts it only when the
    /// queue certainly won't deliver it again, which costs a round trip to the broker. See <doc:ExecutedHowOften>, also
    /// for what oslo.messaging servers guarantee.
    public var neverTwice = false

    /// Whether a call tells the server how long its caller waits, in the context's key `switchboard_deadline_ms`
    /// (<doc:Deadlines>). Turn it off for services that accept only contexts with exactly the keys they know. A handler
    /// then keeps working after its caller has left.
    public var sendsDeadline = true

    /// Whether a request fails at once if no server listens, instead of after its timeout. Doesn't apply to fanouts,
    /// which may have no listener.
    public var detectsMissingListeners = true

    /// How often to try a request that was certainly not sent.
    public var retry = RPCRetryPolicy()

    /// The remote errors that are thrown as Swift error types of your own.
    public var errors = RPCErrorRegistry()

    /// The middleware that every request passes through; the first is outermost.
    public var middleware: [any RPCClientMiddleware] = []

    let connection: MessageQueueConnection

    /// The number of calls through the process's own queue that are waiting for their replies.
    public var callsInFlight: Int { connection.callsInFlight }

    /// Creates a client. `connection` is the process's own queue, for contexts that aren't aimed at a cell.
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

    /// Creates a client of the servers of a topic. `connection` is the process's own queue, for contexts that aren't aimed
    /// at a cell.
    public init(
        _ connection: MessageQueueConnection,
        topic: Topic,
        versionCap: RPCVersion? = nil,
        timeout: Duration = .seconds(60),
        keepaliveInterval: Duration? = nil
    ) {
        self.init(
            connection, target: RPCTarget(topic), versionCap: versionCap, timeout: timeout,
            keepaliveInterval: keepaliveInterval)
    }

    // MARK: Typed

    /// Calls a method and waits for its reply.
    ///
    /// - Parameters:
    ///   - method: the method.
    ///   - arguments: its arguments.
    ///   - server: the server that should take the request; `nil` means the target's.
    ///   - context: who asks, and through which queue; the task's current context by default.
    ///   - timeout: overrides the client's timeout.
    /// - Throws: ``RPCError``, an error from ``errors``, or `CancellationError` if the task is cancelled. The server is
    ///   then told, on a best-effort basis, so that the handler is cancelled too.
    public func call<Arguments, Reply>(
        _ method: RPCMethod<Arguments, Reply>,
        _ arguments: Arguments,
        to server: String? = nil,
        context: RequestContext = .currentOrNew,
        timeout: Duration? = nil
    ) async throws -> Reply {
        let result = try await perform(
            request(.call, method, arguments, to: server, context, timeout: timeout ?? self.timeout))
        do {
            return try result.decode(Reply.self)
        } catch {
            throw RPCError(
                .invalidReply, "The reply of \(method.name) is no \(Reply.self): \(error)", cause: error)
        }
    }

    /// Sends a request without a reply. Returns once the queue has accepted it.
    public func cast<Arguments, Reply>(
        _ method: RPCMethod<Arguments, Reply>,
        _ arguments: Arguments,
        to server: String? = nil,
        context: RequestContext = .currentOrNew
    ) async throws {
        _ = try await perform(request(.cast, method, arguments, to: server, context, timeout: timeout))
    }

    /// Sends a request to every server of a topic, without a reply. Returns once the queue has accepted it.
    public func fanout<Arguments, Reply>(
        _ method: RPCMethod<Arguments, Reply>,
        _ arguments: Arguments,
        to topic: Topic? = nil,
        context: RequestContext = .currentOrNew
    ) async throws {
        let request = try request(.fanout, method, arguments, to: nil, context, timeout: timeout)
        _ = try await perform(fanout(request, to: topic))
    }

    // MARK: Dynamic

    /// Calls a method by name, with JSON arguments and a JSON reply.
    ///
    /// If `version` is `nil`, none is sent, and servers assume 1.0.
    public func call(
        _ method: String,
        _ arguments: JSONObject = [:],
        namespace: String? = nil,
        version: RPCVersion? = nil,
        to server: String? = nil,
        context: RequestContext = .currentOrNew,
        timeout: Duration? = nil
    ) async throws -> JSONValue {
        try await perform(
            request(.call, method, arguments, namespace, version, to: server, context, timeout: timeout ?? self.timeout)
        )
    }

    /// Sends a request by name, without a reply. Returns once the queue has accepted it.
    public func cast(
        _ method: String,
        _ arguments: JSONObject = [:],
        namespace: String? = nil,
        version: RPCVersion? = nil,
        to server: String? = nil,
        context: RequestContext = .currentOrNew
    ) async throws {
        _ = try await perform(
            request(.cast, method, arguments, namespace, version, to: server, context, timeout: timeout))
    }

    /// Sends a request by name to every server of a topic, without a reply.
    public func fanout(
        _ method: String,
        _ arguments: JSONObject = [:],
        namespace: String? = nil,
        version: RPCVersion? = nil,
        to topic: Topic? = nil,
        context: RequestContext = .currentOrNew
    ) async throws {
        let request = request(.fanout, method, arguments, namespace, version, to: nil, context, timeout: timeout)
        _ = try await perform(fanout(request, to: topic))
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

    /// A request of a typed method. Nothing but middleware looks at the arguments on their way: without any, they are written
    /// at once.
    private func request<Arguments, Reply>(
        _ kind: RPCClientRequest.Kind, _ method: RPCMethod<Arguments, Reply>, _ arguments: Arguments,
        to server: String?, _ context: RequestContext, timeout: Duration
    ) throws -> RPCClientRequest {
        let written = middleware.isEmpty ? JSONTextEncoder.nestedObject(arguments) : nil
        var request = request(
            kind, method.name, written == nil ? try encode(arguments, of: method.name) : [:], method.namespace,
            method.version, to: server, context, timeout: timeout)
        request.writtenArguments = written
        return request
    }

    private func fanout(_ request: RPCClientRequest, to topic: Topic?) -> RPCClientRequest {
        var request = request
        let topic = topic ?? target.topic
        request.target = RPCTarget(topic: topic.name, exchange: topic.exchange)
        return request
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
