import Logging
import SwitchboardCore
import Tracing

extension RPCClient {
    /// Sends a request through the queue that its context carries, counted and traced.
    func send(_ request: RPCClientRequest) async throws -> JSONValue {
        let route: Result<Route, RPCError> = Result { () throws(RPCError) in try findRoute(for: request) }
        let connection = (try? route.get().connection) ?? connection
        // Each function in between is memory that a waiting task has, and its thread has not when it goes on.
        if connection.tracer == nil, !connection.metrics.isEnabled {
            return try await deliver(request, through: try route.get())
        }
        let operation = MessagingOperation(request.kind)
        let topic = request.target.topic.name
        let method = RPCTracing.method(request.method, namespace: request.namespace, topic: topic)
        return try await connection.metrics.sending(operation, method, to: topic, cell: request.context.cellName) {
            guard let tracer = connection.tracer else {
                return try await deliver(request, through: try route.get())
            }
            let subject = RPCTracing.Subject(
                operation: operation, topic: topic, server: request.target.server, method: method,
                endpoint: connection.endpoint)
            return try await RPCTracing.sending(subject, by: tracer, request.context.wireObject()) { context in
                try await deliver(request, through: try route.get(), tracedContext: context)
            }
        }
    }

    /// A queue that a request goes through, and what errors call it.
    private struct Route {
        let connection: MessageQueueConnection
        let title: String
        let deadline: Moment
    }

    /// Checks the version, and finds the queue that the context carries.
    private func findRoute(for request: RPCClientRequest) throws(RPCError) -> Route {
        if let versionCap {
            guard let version = request.version, versionCap.isCompatible(with: version) else {
                throw RPCError(
                    .versionCapExceeded,
                    "\(request.method) needs version \(request.version?.description ?? "(none given)"), and "
                        + "\(versionCap) is the newest that may be sent to \(request.target).")
            }
        }
        guard request.timeout > .zero else {
            throw RPCError(
                .unavailable,
                "\(request.method) was not sent to \(request.target): its timeout of \(request.timeout) leaves no time for it."
            )
        }
        if JSONValue.object(request.arguments).isNested(deeperThan: OsloEnvelope.maximumDepth) {
            throw RPCError(
                .invalidArguments,
                "The arguments of \(request.method) are nested more than \(OsloEnvelope.maximumDepth) deep, which no server "
                    + "reads.")
        }
        let deadline = Moment.now + min(request.timeout, RPCDeadline.longestWait)
        switch request.context.mqConnection {
        case .own: return Route(connection: connection, title: connection.title, deadline: deadline)
        case .cell(let line, let name): return Route(connection: line, title: "cell \(name)", deadline: deadline)
        case .none(let cell, let reason):
            throw RPCError(
                .noQueue, "\(request.method) cannot be sent to \(request.target) in cell \(cell): \(reason).")
        }
    }

    /// Sends a request, again while it is certain that it was not sent.
    ///
    /// - Parameter tracedContext: travels instead of the request's own.
    private func deliver(
        _ request: RPCClientRequest, through route: Route, tracedContext: JSONObject? = nil
    ) async throws -> JSONValue {
        let isCall = request.kind == .call
        let wire = OsloRequest(
            OsloRequest.Fields(
                rawMethod: .string(request.method),
                rawArguments: request.writtenArguments == nil ? .object(request.arguments) : nil,
                writtenArguments: request.writtenArguments, namespace: request.namespace,
                rawVersion: request.version.map { .string($0.description) },
                timeout: isCall
                    ? longestSilence.map { JSONValue.double($0 / .seconds(1)).integralIfWhole } ?? .null : nil,
                sendingID: .random(), context: tracedContext ?? [:],
                writtenContext: tracedContext == nil ? request.context.nestedWireMembers() : nil,
                deadline: isCall && sendsDeadline ? RPCDeadline.value(until: route.deadline) : Optional.none,
                neverTwice: request.neverTwice, swiftTarget: request.swiftTarget))
        var attempt = 1
        while true {
            do {
                switch request.kind {
                case .call:
                    let reply = try await route.connection.call(
                        wire, to: request.target.address, deadline: route.deadline,
                        keepaliveInterval: longestSilence, mandatory: detectsMissingListeners)
                    if let failure = reply.failure { throw errors.error(for: failure) }
                    return reply.result
                case .cast:
                    try await route.connection.send(
                        wire.message(), to: request.target.address, deadline: route.deadline,
                        mandatory: detectsMissingListeners, allowsDuplicates: !request.neverTwice)
                case .fanout:
                    try await route.connection.send(
                        wire.message(), to: .fanout(request.target.topic), deadline: route.deadline, mandatory: false,
                        allowsDuplicates: !request.neverTwice)
                }
                return .null
            } catch let error as TransportError where error.code == .unavailable && attempt < retry.attempts {
                let pause = retry.pause(after: attempt)
                guard Moment.now + pause < route.deadline else { throw describe(error, request, route) }
                noteRetry(of: request, after: error, attempt, route)
                try await Task.sleep(for: pause)
                attempt += 1
            } catch {
                throw describe(error, request, route)
            }
        }
    }

    /// Not inlined, as each request's task has room for what its function may need.
    @inline(never)
    private func noteRetry(of request: RPCClientRequest, after error: TransportError, _ attempt: Int, _ route: Route) {
        route.connection.metrics.retried()
        Logger.ofCaller(or: route.connection.logger).debug(
            "Request was not sent and is tried again",
            metadata: [
                "rpc.method": "\(request.method)", "rpc.target": "\(request.target)", "rpc.attempt": "\(attempt)",
                "mq.connection": "\(route.connection.name)", "error": "\(error)",
            ])
    }

    /// ``keepaliveInterval`` where it is one: zero, or less, asks for no keepalives, as oslo.messaging's
    /// `call_monitor_timeout` does.
    private var longestSilence: Duration? {
        keepaliveInterval.flatMap { $0 > .zero ? min($0, RPCDeadline.longestWait) : nil }
    }

    private func describe(_ error: any Error, _ request: RPCClientRequest, _ route: Route) -> any Error {
        let activity = "\(request.method) to \(request.target) through \(route.title)"
        switch error {
        case PendingCalls.Failure.timeout(let id):
            let silence = longestSilence.map { min($0, request.timeout) } ?? request.timeout
            return RPCError(
                .timeout,
                "\(activity): no reply\(longestSilence == nil ? "" : " or keepalive") within \(silence) to msg_id \(id.text ?? "") "
                    + "at \(route.connection.mailbox.name); the connection is \(route.connection.transport.state). The "
                    + "request may have been executed.")
        case PendingCalls.Failure.closed(let cause as TransportError):
            // Sent, and its reply cannot come any more, whatever the connection ended with.
            return RPCError(
                .closed, "\(activity): no reply: \(cause.message) The request may have been executed.", cause: cause)
        case PendingCalls.Failure.closed(let cause):
            return RPCError(
                .closed, "\(activity): no reply: the connection ended. The request may have been executed.",
                cause: cause)
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

extension RequestContext {
    /// The name of the cell that it is aimed at; empty for none. A label of metrics.
    fileprivate var cellName: String {
        switch mqConnection {
        case .own: ""
        case .cell(_, let cell), .none(let cell, _): cell.name
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
