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
    /// silence of this long even when its timeout is far (oslo-wire.md §4.5). Servers keep to it from 2 seconds on.
    public var keepaliveInterval: Duration?

    /// Whether a request that nobody listens for fails at once, instead of after its timeout. For fanouts, to which
    /// having no listener is normal, it does not count.
    public var detectsMissingListeners = true

    private let connection: MessageQueueConnection

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
    /// - Throws: ``RPCError``, or `CancellationError` when the task is cancelled.
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
        let attempt = try attempt(method, version: version, to: server, context: context, timeout: timeout)
        var request = request(method, arguments, namespace: namespace, version: version, context: context)
        request.timeout = keepaliveInterval.map { JSONValue.double($0 / .seconds(1)).integralIfWhole } ?? .null
        request.context.append(
            key: RPCDeadline.key, value: RPCDeadline.value(until: attempt.deadline))
        let reply: OsloReply
        do {
            reply = try await attempt.connection.call(
                request, to: attempt.target.address, deadline: attempt.deadline,
                keepaliveInterval: keepaliveInterval, mandatory: detectsMissingListeners)
        } catch {
            throw attempt.describe(error, keepaliveInterval: keepaliveInterval)
        }
        if let failure = reply.failure { throw RPCError(failure) }
        return reply.result
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
        let attempt = try attempt(method, version: version, to: server, context: context, timeout: nil)
        let request = request(method, arguments, namespace: namespace, version: version, context: context)
        do {
            try await attempt.connection.send(
                request.message(), to: attempt.target.address, deadline: attempt.deadline,
                mandatory: detectsMissingListeners)
        } catch {
            throw attempt.describe(error, keepaliveInterval: nil)
        }
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
        let topic = topic ?? target.topic
        var attempt = try attempt(method, version: version, to: nil, context: context, timeout: nil)
        attempt.target = RPCTarget(topic: topic.name, exchange: topic.exchange)
        let request = request(method, arguments, namespace: namespace, version: version, context: context)
        do {
            try await attempt.connection.send(
                request.message(), to: .fanout(topic), deadline: attempt.deadline, mandatory: false)
        } catch {
            throw attempt.describe(error, keepaliveInterval: nil)
        }
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
        _ method: String, _ arguments: JSONObject, namespace: String?, version: RPCVersion?, context: RequestContext
    ) -> OsloRequest {
        OsloRequest(
            method: method, arguments: arguments, namespace: namespace, version: version?.description,
            uniqueID: UniqueID.make(), context: context.wireObject())
    }

    /// Checks the version, and finds the queue that the context carries.
    private func attempt(
        _ method: String, version: RPCVersion?, to server: String?, context: RequestContext, timeout: Duration?
    ) throws -> Attempt {
        if let versionCap {
            guard let version, versionCap.isCompatible(with: version) else {
                throw RPCError(
                    .versionCapExceeded,
                    "\(method) needs version \(version?.description ?? "(none given)"), and \(versionCap) is the newest "
                        + "that may be sent to \(target).")
            }
        }
        var target = target
        target.server = server ?? target.server
        let timeout = timeout ?? self.timeout
        let connection: MessageQueueConnection
        let queue: String
        switch context.mqConnection {
        case .own: (connection, queue) = (self.connection, self.connection.title)
        case .cell(let line, let name): (connection, queue) = (line, "cell \(name)")
        case .none(let cell, let reason):
            throw RPCError(
                .noQueue, "\(method) cannot be sent to \(target) in cell \(cell): \(reason).")
        }
        return Attempt(
            method: method, target: target, connection: connection, queue: queue, timeout: timeout,
            deadline: .now + timeout)
    }

    /// One request on its way.
    private struct Attempt {
        let method: String
        var target: RPCTarget
        let connection: MessageQueueConnection
        let queue: String
        let timeout: Duration
        let deadline: ContinuousClock.Instant

        func describe(_ error: any Error, keepaliveInterval: Duration?) -> any Error {
            let activity = "\(method) to \(target) through \(queue)"
            switch error {
            case PendingCalls.Failure.timeout:
                let silence = keepaliveInterval.map { min($0, timeout) } ?? timeout
                return RPCError(
                    .timeout,
                    "\(activity): no reply\(keepaliveInterval == nil ? "" : " or keepalive") within \(silence); the "
                        + "connection is \(connection.transport.state). The request may have been executed.")
            case PendingCalls.Failure.closed(let cause as TransportError):
                // Sent, and its reply cannot come any more.
                return RPCError(
                    cause.code == .refused ? .refused : .closed, "\(activity): no reply: \(cause.message)", cause: cause
                )
            case PendingCalls.Failure.closed(let cause):
                return RPCError(.closed, "\(activity): no reply: the connection ended.", cause: cause)
            case let error as TransportError
            where error.code == .cancelled || error.code == .indeterminate && Task.isCancelled:
                return CancellationError()
            case let error as TransportError:
                return RPCError(error, during: activity)
            default:
                return error
            }
        }
    }
}

extension JSONValue {
    /// An integer where that is the same number: `60` and not `60.0`.
    fileprivate var integralIfWhole: JSONValue {
        if case .double(let number) = self, let whole = Int64(exactly: number) { return .integer(whole) }
        return self
    }
}
