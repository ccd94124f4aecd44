public import Logging

/// Publishes notifications through its drivers.
///
/// A light value: copy it and change what differs. ``info(_:_:context:)`` and the other six never fail their caller, as
/// in oslo.messaging: a failure is logged. ``send(_:_:_:context:)`` throws it.
///
///     let notifier = Notifier(publisherID: "compute.host1", drivers: [.messagingV2(connection)], logger: logger)
///     await notifier.info("compute.instance.create.end", ["instance_id": "i-1"], context: context)
public struct Notifier: Sendable {
    /// Who publishes: by convention `service.host`.
    public var publisherID: String

    public var drivers: [NotificationDriver]

    public var retry: NotificationRetry

    private let logger: Logger?

    /// Creates a notifier. `logger` logs failures where the caller's task has no logger of its own (`withLogger`).
    public init(
        publisherID: String,
        drivers: [NotificationDriver],
        retry: NotificationRetry = NotificationRetry(),
        logger: Logger? = nil
    ) {
        self.publisherID = publisherID
        self.drivers = drivers
        self.retry = retry
        self.logger = logger
    }

    /// Whether notifying does anything: not when there is no driver but ``NotificationDriver/noop``.
    public var isEnabled: Bool {
        drivers.contains { $0.name != NotificationDriver.noopName }
    }

    // MARK: Without failing the caller

    public func audit(_ eventType: String, _ payload: JSONValue = [:], context: RequestContext? = nil) async {
        await notify(.audit, eventType, payload, context: context)
    }

    public func debug(_ eventType: String, _ payload: JSONValue = [:], context: RequestContext? = nil) async {
        await notify(.debug, eventType, payload, context: context)
    }

    public func info(_ eventType: String, _ payload: JSONValue = [:], context: RequestContext? = nil) async {
        await notify(.info, eventType, payload, context: context)
    }

    public func warn(_ eventType: String, _ payload: JSONValue = [:], context: RequestContext? = nil) async {
        await notify(.warn, eventType, payload, context: context)
    }

    public func error(_ eventType: String, _ payload: JSONValue = [:], context: RequestContext? = nil) async {
        await notify(.error, eventType, payload, context: context)
    }

    public func critical(_ eventType: String, _ payload: JSONValue = [:], context: RequestContext? = nil) async {
        await notify(.critical, eventType, payload, context: context)
    }

    public func sample(_ eventType: String, _ payload: JSONValue = [:], context: RequestContext? = nil) async {
        await notify(.sample, eventType, payload, context: context)
    }

    /// Publishes; returns when every driver is done or has given up. What fails is logged by `Logger.current`, so that the
    /// line carries what the caller's logger knows, for example the id of the request that is being handled.
    public func notify(
        _ priority: NotificationPriority, _ eventType: String, _ payload: JSONValue = [:],
        context: RequestContext? = nil
    ) async {
        do {
            try await send(priority, eventType, payload, context: context)
        } catch {
            Logger.ofCaller(or: logger ?? .current).error(
                "Notification failed",
                metadata: [
                    "notification.event_type": "\(eventType)", "notification.priority": "\(priority)",
                    "error": "\(error)",
                ])
        }
    }

    // MARK: Throwing

    /// Publishes a notification, and returns when every driver has it.
    ///
    /// `context` travels without its token; see ``RequestContext/redacted()``. Its message queue is ignored, because
    /// notifications go where the drivers say.
    ///
    /// - Throws: the first ``NotificationError`` of the drivers, after all were tried, or `CancellationError`.
    public func send(
        _ priority: NotificationPriority, _ eventType: String, _ payload: JSONValue = [:],
        context: RequestContext? = nil
    ) async throws {
        try await send(
            NotificationEvent(
                eventType, priority: priority, publisherID: publisherID, payload: payload, requestContext: context))
    }

    /// Publishes a value as the payload. Throws ``NotificationError/Code/invalidPayload`` when it cannot be encoded.
    public func send(
        _ priority: NotificationPriority, _ eventType: String, encoding payload: some Encodable & Sendable,
        context: RequestContext? = nil
    ) async throws {
        let value: JSONValue
        do {
            value = try JSONValue(encoding: payload)
        } catch {
            throw NotificationError(
                .invalidPayload, "The payload of \(eventType) cannot be encoded: \(error)", cause: error)
        }
        try await send(priority, eventType, value, context: context)
    }

    /// Publishes a notification made before, as it is.
    func send(_ event: NotificationEvent) async throws {
        try await NotificationDriver.notifyAll(drivers, event, retry)
    }
}
