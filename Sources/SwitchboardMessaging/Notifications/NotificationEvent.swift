/// One notification: that something happened, who says so, and on whose behalf it was done.
///
/// The fields that a sender may leave out are optional; oslo.messaging's listeners take notifications without any.
public struct NotificationEvent: Sendable, Hashable {
    struct Fields: Sendable, Hashable {
        var id: String?
        var publisherID: String?
        var eventType: String?
        var priority: NotificationPriority
        var payload: JSONValue
        var timestampText: String?
        var context: JSONObject
        var isRedelivered = false
    }

    /// The fields are behind one reference, as a notification passes through many hands.
    private var storage: ReferenceBox<Fields>

    /// The members of ``context`` as they are written, where that is known:
    /// ``RequestContext/redactedNestedWireMembers()``.
    private(set) var writtenContext: [UInt8]?

    private mutating func update(_ change: (inout Fields) -> Void) {
        var fields = storage.value
        change(&fields)
        storage = ReferenceBox(fields)
    }

    /// A UUID with dashes; the same in the copies that go to several topics.
    public var id: String? {
        get { storage.value.id }
        set { update { $0.id = newValue } }
    }

    /// Who publishes: by convention `service.host`, for example `compute.host1`.
    public var publisherID: String? {
        get { storage.value.publisherID }
        set { update { $0.publisherID = newValue } }
    }

    /// What happened, for example `compute.instance.create.end`.
    public var eventType: String? {
        get { storage.value.eventType }
        set { update { $0.eventType = newValue } }
    }

    public var priority: NotificationPriority {
        get { storage.value.priority }
        set { update { $0.priority = newValue } }
    }

    public var payload: JSONValue {
        get { storage.value.payload }
        set { update { $0.payload = newValue } }
    }

    /// When it happened, as the message has it: `2026-01-02 03:04:05.678901`, in UTC.
    public var timestampText: String? {
        get { storage.value.timestampText }
        set { update { $0.timestampText = newValue } }
    }

    /// The keys of the sender's request context, without their prefix. No token is among what we send.
    public var context: JSONObject {
        get { storage.value.context }
        set {
            update { $0.context = newValue }
            writtenContext = nil
        }
    }

    /// Whether the queue delivered it before, and it came back.
    public var isRedelivered: Bool {
        get { storage.value.isRedelivered }
        set { update { $0.isRedelivered = newValue } }
    }

    /// A notification of now, with a new id.
    public init(
        _ eventType: String,
        priority: NotificationPriority,
        publisherID: String,
        payload: JSONValue = [:],
        context: JSONObject = [:]
    ) {
        self.init(
            Fields(
                id: UniqueID.makeUUID(), publisherID: publisherID, eventType: eventType, priority: priority,
                payload: payload, timestampText: WireTimestamp.now().notificationText, context: context))
    }

    /// As ``init(_:priority:publisherID:payload:context:)``, with what notifications carry of a request's context.
    init(
        _ eventType: String, priority: NotificationPriority, publisherID: String, payload: JSONValue,
        requestContext: RequestContext?
    ) {
        self.init(
            eventType, priority: priority, publisherID: publisherID, payload: payload,
            context: requestContext?.redactedWireObject() ?? [:])
        writtenContext = requestContext?.redactedNestedWireMembers()
    }

    init(_ fields: Fields) {
        storage = ReferenceBox(fields)
    }

    public static func == (one: NotificationEvent, other: NotificationEvent) -> Bool {
        one.storage.value == other.storage.value
    }

    public func hash(into hasher: inout Hasher) {
        storage.value.hash(into: &hasher)
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
