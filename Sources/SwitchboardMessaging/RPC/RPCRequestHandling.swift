import Logging
import SwitchboardCore

/// What becomes of one request of an ``RPCServer``: decoded, known as a duplicate or not, settled, handled, answered.
struct RPCRequestHandling: Sendable {
    let connection: MessageQueueConnection
    let router: RPCRouter
    let configuration: RPCServerConfiguration
    let logger: Logger
    private let duplicates: RecentIDs
    private let replies: RPCReplySender

    init(connection: MessageQueueConnection, router: RPCRouter, configuration: RPCServerConfiguration, logger: Logger) {
        self.connection = connection
        self.router = router
        self.configuration = configuration
        self.logger = logger
        duplicates = RecentIDs(
            capacity: configuration.duplicateWindow, lifetime: configuration.duplicateLifetime)
        replies = RPCReplySender(
            transport: connection.transport, retryDuration: configuration.replyRetryDuration, logger: logger)
    }

    func handle(_ delivery: Delivery) async {
        let request: OsloRequest
        do {
            request = try OsloRequest(delivery.message)
        } catch {
            logger.error("Unreadable request discarded", metadata: ["error": "\(error)"])
            await settle(delivery, .discard(reason: "\(error)"))
            return
        }
        if let id = request.uniqueID, !duplicates.insert(id) {
            logger.debug("Duplicate request ignored", metadata: ["oslo.unique_id": "\(id)"])
            await settle(delivery, .accept)
            return
        }
        switch configuration.acknowledgement {
        case .atMostOnce:
            guard await settle(delivery, .accept) else { return }
            await serve(request)
        case .atLeastOnce:
            await serve(request)
            if Task.isCancelled {
                if let id = request.uniqueID { duplicates.remove(id) }
                await settle(delivery, .requeue)
            } else {
                await settle(delivery, .accept)
            }
        }
    }

    @discardableResult
    private func settle(_ delivery: Delivery, _ settlement: Settlement) async -> Bool {
        do {
            try await delivery.settle(settlement)
            return true
        } catch {
            // The queue will deliver it again; whoever takes it then handles it.
            logger.warning("Request could not be settled", metadata: ["error": "\(error)"])
            return false
        }
    }

    private func serve(_ request: OsloRequest) async {
        let destination = RPCReplySender.Destination(request)
        var contextObject = request.context
        let deadline = RPCDeadline.take(from: &contextObject)
        do {
            let result = try await result(of: request, contextObject: contextObject, deadline: deadline, destination)
            await replies.send(result: result, to: destination)
        } catch is CancellationError {
            logger.debug("Request cancelled", metadata: ["rpc.method": "\(request.method)"])
        } catch {
            if error is any RemotelyVisibleError {
                logger.debug(
                    "Request failed", metadata: ["rpc.method": "\(request.method)", "error": "\(error)"])
            } else {
                logger.error(
                    "Handler threw an error that the caller may not see",
                    metadata: ["rpc.method": "\(request.method)", "error": "\(error)"])
            }
            await replies.send(failure: RemoteError(handlerError: error), to: destination)
        }
    }

    private func result(
        of request: OsloRequest,
        contextObject: JSONObject,
        deadline: ContinuousClock.Instant?,
        _ destination: RPCReplySender.Destination?
    ) async throws -> JSONValue {
        let version = try RPCRequestChecks.version(of: request)
        let method = try RPCRequestChecks.method(of: request)
        let handler = try router.handler(for: method, namespace: request.namespace, version: version)
        let arguments = try RPCRequestChecks.arguments(of: request)
        let context: RequestContext
        do {
            context = try RequestContext(wireObject: contextObject)
        } catch let error as RPCError {
            throw RemoteError(className: "ValueError", message: error.message)
        }
        let work = Task { try await handler(arguments, context) }
        let token = deadline.map { connection.schedule(at: $0) { work.cancel() } }
        defer { if let token { connection.cancel(token) } }
        return try await withTaskCancellationHandler {
            guard let destination, let interval = RPCKeepalive.interval(request.timeout) else {
                return try await work.value
            }
            return try await replies.keepingAlive(destination, every: interval) { try await work.value }
        } onCancel: {
            work.cancel()
        }
    }
}

/// When a caller that asked for keepalives gets them (oslo-wire.md §4.5).
enum RPCKeepalive {
    /// Half of the caller's interval, from 1 second on; `nil` when none are to be sent.
    static func interval(_ timeout: JSONValue?) -> Duration? {
        let seconds: Int64? =
            switch timeout {
            case .integer(let number)?: number
            case .double(let number)?: Int64(exactly: number.rounded(.towardZero))
            case .string(let text)?: Int64(text)
            default: nil
            }
        guard let seconds, seconds >= 2, seconds < 31_536_000 else { return nil }
        return .seconds(seconds) / 2
    }
}
