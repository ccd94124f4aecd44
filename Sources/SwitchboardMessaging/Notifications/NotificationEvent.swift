/// One notification: that something happened, who says so, and on whose behalf it was done.
///
/// The fields that a sender may leave out are optional; oslo.messaging's listeners take notifications without any.
public struct NotificationEvent: Sendable, Hashable {
    /// A UUID with dashes; the same in the copies that go to several topics.
    public var id: String?

    /// Who publishes: by convention `service.host`, for example `compute.host1`.
    public var publisherID: String?

    /// What happened, for example `compute.instance.create.end`.
    public var eventType: String?

    public var priority: NotificationPriority

    public var payload: JSONValue

    /// When it happened, as the message has it: `2026-01-02 03:04:05.678901`, in UTC.
    public var timestampText: String?

    /// The keys of the sender's request context, without their prefix. No token is among what we send.
    public var context: JSONObject

    /// Whether the queue delivered it before, and it came back.
    public var isRedelivered = false

    /// A notification of now, with a new id.
    public init(
        _ eventType: String,
        priority: NotificationPriority,
        publisherID: String,
        payload: JSONValue = [:],
        context: JSONObject = [:]
    ) {
        self.init(
            id: UniqueID.makeUUID(), publisherID: publisherID, eventType: eventType, priority: priority,
            payload: payload, timestampText: WireTimestamp.now().notificationText, context: context)
    }

    init(
        id: String?, publisherID: String?, eventType: String?, priority: NotificationPriority, payload: JSONValue,
        timestampText: String?, context: JSONObject
    ) {
        self.id = id
        self.publisherID = publisherID
        self.eventType = eventType
        self.priority = priority
        self.payload = payload
        self.timestampText = timestampText
        self.context = context
    }

    /// When it happened; `nil` when the message does not say so in a form that can be read.
    public var timestamp: WireTimestamp? {
        get { timestampText.flatMap(WireTimestamp.init) }
        set { timestampText = newValue?.notificationText }
    }

    /// The sender's request context. Throws an ``RPCError`` of ``RPCError/Code/invalidContext`` when a key of
    /// ``context`` has a value of a wrong type.
    public func requestContext() throws -> RequestContext {
        try RequestContext(wireObject: context)
    }
}

extension NotificationEvent: CustomStringConvertible {
    /// What, who and how important; never the payload or the context.
    public var description: String {
        "\(priority) notification \(eventType ?? "without an event type") of \(publisherID ?? "nobody")"
    }
}

extension WireTimestamp {
    /// The form of notifications: a blank where contexts have a `T` (oslo-wire.md §7.1).
    var notificationText: String {
        text(separator: " ")
    }
}
