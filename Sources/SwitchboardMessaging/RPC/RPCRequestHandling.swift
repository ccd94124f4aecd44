import Logging
import SwitchboardCore

/// What becomes of one request of an ``RPCServer``: decoded, known as a duplicate or not, settled, handled, answered.
final class RPCRequestHandling: Sendable {
    let connection: MessageQueueConnection
    let topic: Topic
    let server: String
    let router: RPCRouter
    let configuration: RPCServerConfiguration
    let logger: Logger
    private let ledger: DuplicateLedger<Delivery>
    private let replies: RPCReplySender

    init(
        connection: MessageQueueConnection, topic: Topic, server: String, router: RPCRouter,
        configuration: RPCServerConfiguration, logger: Logger
    ) {
        self.connection = connection
        self.topic = topic
        self.server = server
        self.router = router
        self.configuration = configuration
        self.logger = logger
        ledger = DuplicateLedger(
            capacity: configuration.duplicateWindow, lifetime: configuration.duplicateLifetime)
        replies = RPCReplySender(
            transport: connection.transport, retryDuration: configuration.replyRetryDuration,
            metrics: connection.metrics, logger: logger)
    }

    /// What is left to do when the work on a request is over.
    private enum Remainder {
        case nothing
        case reply(RPCReply)
        /// A reply whose mailbox is gone, perhaps for a moment.
        case unsent(RPCReplySender.Unsent)
    }

    /// - Parameter permit: released when the request is settled and answered.
    func handle(_ delivery: Delivery, holding permit: consuming HandlerTasks.Permit) async {
        let request: OsloRequest
        switch take(delivery) {
        case .request(let new): request = new
        case .nothing: return permit.release()
        case .settled(let settlement):
            await settle(delivery, settlement)
            return permit.release()
        }
        if request.neverTwice {
            let remainder = await handleNeverTwice(request, of: delivery, permit.job)
            return end(remainder, permit)
        }
        switch configuration.acknowledgement {
        case .atMostOnce:
            guard await accept(delivery) else {
                // The queue has it still, and will deliver it again.
                ledger.forget(request.sendingID)
                return permit.release()
            }
            guard let reply = await serve(request, of: delivery, permit.job) else { return permit.release() }
            replies.send(reply, holding: permit)
        case .atLeastOnce:
            let remainder = await handleAtLeastOnce(request, of: delivery, permit.job)
            end(remainder, permit)
        }
    }

    /// Not in the asynchronous function, whose frame would have room for a remainder.
    private func end(_ remainder: Remainder, _ permit: consuming HandlerTasks.Permit) {
        switch remainder {
        case .nothing: permit.release()
        case .reply(let reply): replies.send(reply, holding: permit)
        case .unsent(let unsent): replies.sendAgain(unsent, holding: permit)
        }
    }

    /// Handles a request that must never be executed twice: begins with it when the queue has forgotten it for certain, in
    /// both ways to acknowledge.
    ///
    /// What a connection was lost before is delivered again, and then was executed nowhere: every server does the same.
    @inline(never)
    private func handleNeverTwice(
        _ request: OsloRequest, of delivery: Delivery, _ job: HandlerTasks.Job
    ) async -> Remainder {
        let destination = RPCReply.Destination(request)
        guard !delivery.isRedelivered || configuration.executesRedelivered else {
            for copy in ledger.finish(request.sendingID) + [delivery] { await settle(copy, .accept) }
            return indeterminate(
                "it was delivered before, and may have been executed by another server", request, destination)
        }
        do {
            try await delivery.acceptForCertain()
        } catch {
            logger.debug("Request was not accepted for certain", metadata: ["error": "\(error)"])
            for copy in ledger.forget(request.sendingID) { await settle(copy, .release) }
            // Certainly not accepted: it comes again, here or elsewhere.
            if error.code == .closed { return .nothing }
            return indeterminate(
                "the connection was lost before it could be begun, and it may be delivered again", request, destination)
        }
        for copy in ledger.finish(request.sendingID) { await settle(copy, .accept) }
        return await serve(request, of: delivery, job).map(Remainder.reply) ?? .nothing
    }

    private func indeterminate(
        _ reason: String, _ request: OsloRequest, _ destination: RPCReply.Destination?
    ) -> Remainder {
        guard let destination else { return .nothing }
        return .reply(
            RPCReply(failure: .indeterminate("\(request.method) was maybe executed: \(reason)."), to: destination))
    }

    /// Settles a request behind its reply. Not inlined, as each request's task has room for what its function
    /// may need.
    @inline(never)
    private func handleAtLeastOnce(
        _ request: OsloRequest, of delivery: Delivery, _ job: HandlerTasks.Job
    ) async -> Remainder {
        var unsent: RPCReplySender.Unsent?
        if let reply = await serve(request, of: delivery, job) { unsent = await replies.send(reply) }
        if job.areAllCancelled {
            for copy in ledger.forget(request.sendingID) + [delivery] { await settle(copy, .release) }
            return .nothing
        }
        // It is done, whatever becomes of its reply.
        for copy in ledger.finish(request.sendingID) + [delivery] { await settle(copy, .accept) }
        return unsent.map(Remainder.unsent) ?? .nothing
    }

    /// What a delivery holds.
    private enum Content {
        case request(OsloRequest)
        /// What was handled, or can't be, and is to be settled so.
        case settled(Settlement)
        /// A copy of what is at work, which is settled with it.
        case nothing
    }

    private func take(_ delivery: Delivery) -> Content {
        let request: OsloRequest
        do {
            request = try OsloRequest(receiving: delivery.message)
        } catch {
            logger.error("Unreadable request discarded", metadata: ["error": "\(error)"])
            return .settled(.discard(reason: "\(error)"))
        }
        switch begin(request, delivery) {
        case .new: return .request(consume request)
        // Older copies are of connections that are gone.
        case .held: return .nothing
        case .duplicate: break
        }
        connection.metrics.ignoredDuplicate()
        logger.debug("Duplicate request ignored", metadata: ["oslo.unique_id": "\(request.uniqueID ?? "")"])
        return .settled(.accept)
    }

    /// Under `atMostOnce` a request is done when it begins.
    private func begin(_ request: OsloRequest, _ delivery: Delivery) -> DuplicateLedger<Delivery>.Verdict {
        switch configuration.acknowledgement {
        case .atMostOnce: ledger.beginDone(request.sendingID) ? .new : .duplicate
        case .atLeastOnce: ledger.begin(request.sendingID, delivery)
        }
    }

    /// Accepts, without another asynchronous function in between where the driver records that at once.
    @inline(__always)
    private func accept(_ delivery: Delivery) async -> Bool {
        do throws(TransportError) {
            if try delivery.settleAtOnce(.accept) { return true }
        } catch {
            return notSettled(error)
        }
        return await settle(delivery, .accept)
    }

    @discardableResult
    private func settle(_ delivery: Delivery, _ settlement: Settlement) async -> Bool {
        do {
            try await delivery.settle(settlement)
            return true
        } catch {
            return notSettled(error)
        }
    }

    /// The queue will deliver it again, to this server or to another one, which handles it then.
    private func notSettled(_ error: TransportError) -> Bool {
        logger.warning("Request could not be settled", metadata: ["error": "\(error)"])
        return false
    }

    /// Has a request handled. Returns the reply, when there is to be one: to who waits for it.
    private func serve(
        _ request: OsloRequest, of delivery: Delivery, _ job: HandlerTasks.Job
    ) async -> RPCReply? {
        let destination = RPCReply.Destination(request)
        let deadline = RPCDeadline.moment(of: request.deadline, arrival: delivery.moment)
        if let deadline, deadline <= .now {
            // It waited here for its turn, beyond the broker's reach; its caller may have asked somebody else by now.
            logger.debug("Request too late", metadata: ["rpc.method": "\(request.method)"])
            return nil
        }
        if HealthProbe.isOne(request) { return destination.map { RPCReply(.null, to: $0) } }
        do {
            let result = try await observed(request) {
                let received = try received(request, deadline, wantsReply: destination != nil)
                return try await work(on: received, keepaliveInterval: request.timeout, destination, job)
            }
            try Task.checkCancellation()
            return destination.map { RPCReply(result, to: $0) }
        } catch let error where Task.isCancelled {
            logger.debug("Request cancelled", metadata: ["rpc.method": "\(request.method)", "error": "\(error)"])
            return nil
        } catch {
            log(error, of: request)
            return destination.map { RPCReply(failure: RemoteError(handlerError: error), to: $0) }
        }
    }

    /// Counts and traces the work on a request.
    private func observed(
        _ request: OsloRequest, _ body: () async throws -> JSONValue
    ) async throws -> JSONValue {
        guard connection.metrics.isEnabled || connection.tracer != nil else { return try await body() }
        let isKnown = router.has(request.method, namespace: request.namespace, major: request.majorVersion)
        let method =
            isKnown
            ? RPCTracing.method(request.method, namespace: request.namespace, topic: topic.name) : ErrorType.other
        return try await connection.metrics.serving(method, from: topic.name) {
            guard let tracer = connection.tracer else { return try await body() }
            let subject = RPCTracing.Subject(
                operation: .process, topic: topic.name, server: server, method: method,
                originalMethod: isKnown ? nil : request.method, endpoint: connection.endpoint)
            return try await RPCTracing.processing(subject, by: tracer, request.traceCarrier, body)
        }
    }

    /// Checks what was received. What is wrong with it is looked for in oslo.messaging's order.
    private func received(
        _ request: OsloRequest, _ deadline: Moment?, wantsReply: Bool
    ) throws -> RPCServerRequest {
        let version = try RPCRequestChecks.version(of: request) {
            router.hasInterface(namespace: request.namespace, major: $0)
        }
        let method = try RPCRequestChecks.method(of: request)
        let arguments: JSONObject
        do {
            arguments = try RPCRequestChecks.arguments(of: request)
        } catch {
            _ = try router.handler(for: method, namespace: request.namespace, version: version)
            throw error
        }
        let context: RequestContext
        do {
            context = try request.receivedContext ?? RequestContext(wireObject: request.context)
        } catch let error as RPCError {
            throw RemoteError(className: "ValueError", message: error.message)
        }
        return RPCServerRequest(
            method: method, arguments: arguments, namespace: request.namespace, version: version, context: context,
            topic: topic, server: server, wantsReply: wantsReply, moment: deadline,
            swiftTarget: request.swiftTarget)
    }

    /// Runs the handler, in this task, which is cancelled when its caller's deadline is there, or its caller says that it
    /// does not wait.
    private func work(
        on request: RPCServerRequest, keepaliveInterval: JSONValue?, _ destination: RPCReply.Destination?,
        _ job: HandlerTasks.Job
    ) async throws -> JSONValue {
        let watch = watch(over: request, destination, job)
        defer { watch?.end() }
        guard let destination, let interval = RPCKeepalive.interval(keepaliveInterval) else {
            return try await run(request)
        }
        return try await replies.keepingAlive(destination, every: interval) { try await self.run(request) }
    }

    private func run(_ request: RPCServerRequest) async throws -> JSONValue {
        let logger = logger.named(
            .init(key: "rpc.method", value: request.method), .init(key: "request.id", value: request.context.requestID))
        return try await withLogger(logger) { _ in
            if configuration.middleware.isEmpty { return try await dispatch(request) }
            return try await MiddlewareChain.handle(request, through: configuration.middleware[...]) {
                try await self.dispatch($0)
            }
        }
    }

    private func dispatch(_ request: RPCServerRequest) async throws -> JSONValue {
        let handler = try router.handler(
            for: request.method, namespace: request.namespace, version: request.version,
            swiftTarget: request.swiftTarget)
        return try await handler(request.arguments, request.context)
    }

    /// The next alarm of a request that is being worked on, and has a deadline.
    private struct Watch {
        let connection: MessageQueueConnection
        let alarm: DeadlineScheduler.Token
        /// What it is called when it is announced by then.
        let id: WireID?

        func end() {
            if connection.cancel(alarm) { return }
            if let id, let later = connection.work.end(id) { connection.cancel(later) }
        }
    }

    /// Cancels the work at its deadline. A caller of Switchboard's is told before that it is being worked on, once that
    /// lasts: one alarm for both, as most work is over before.
    private func watch(
        over request: RPCServerRequest, _ destination: RPCReply.Destination?, _ job: HandlerTasks.Job
    ) -> Watch? {
        guard let deadline = request.moment else { return nil }
        let announcement = Moment.now + WorkAnnouncements.delay
        guard let destination, destination.callID.isText, announcement < deadline else {
            return Watch(
                connection: connection, alarm: connection.schedule(at: deadline) { job.cancel() }, id: nil)
        }
        let id = destination.callID
        let alarm = connection.schedule(at: announcement) { [connection] in
            let alarm = connection.schedule(at: deadline) {
                job.cancel()
                // It may have ended at the very moment of the announcement.
                connection.work.end(id)
            }
            connection.work.announce(id, to: destination.mailbox, alarm: alarm) { job.cancel() }
        }
        return Watch(connection: connection, alarm: alarm, id: id)
    }

    private func log(_ error: any Error, of request: OsloRequest) {
        let isExpected =
            error is any RemotelyVisibleError && !(error is RPCError)
            || router.expects(
                error, of: request.method, namespace: request.namespace, major: request.majorVersion)
        logger.log(
            level: isExpected ? .debug : .error, "Request failed",
            metadata: [
                "rpc.method": "\(request.method)", "error": "\(error)",
                "rpc.error.visible": "\(error is any RemotelyVisibleError)",
            ])
    }
}

extension OsloRequest {
    /// The major version that it asks for, for looking up what is known of its method.
    fileprivate var majorVersion: Int {
        self.rawVersion?.string.flatMap { RPCVersion($0)?.major } ?? 1
    }
}
