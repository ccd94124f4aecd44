import SwitchboardCore

/// A request, call or cast, as it crosses the wire (oslo-wire.md §3.3).
///
/// What a peer may get wrong and is answered for is kept as it came: `rawMethod`, `rawArguments`, `rawVersion`.
@dynamicMemberLookup
struct OsloRequest: Sendable, Hashable {
    struct Fields: Sendable, Hashable {
        var rawMethod = JSONValue.null
        var rawArguments: JSONValue?
        var namespace: String?
        var rawVersion: JSONValue?
        /// The id that the reply carries; any scalar. `nil` for casts.
        var messageID: JSONValue?
        var replyQueue: String?
        /// The caller's keepalive interval in seconds; `.null` when it wants none.
        var timeout: JSONValue?
        /// Differs for every message that is not sent again.
        var uniqueID: String?
        /// The keys of the context, without their prefix.
        var context = JSONObject()
        /// Members of the context that are written as they are: ``RequestContext/nestedWireMembers()``.
        var writtenContext: [UInt8]?
        /// The key of the context that is not the handler's: ``RPCDeadline``. Apart, so that nobody has to copy the
        /// others to add it or to take it out.
        var deadline: JSONValue?
        /// Whether it must not be executed a second time; see ``RPCClient/neverTwice``. A key of the message, where
        /// oslo.messaging's servers look at none that they do not know.
        var neverTwice = false
        /// The method as Swift names it, for servers that serve distributed actors without a table of names: an
        /// identifier, or an array of it and the names of generic arguments. A key of the message, as `neverTwice` is.
        var swiftTarget: JSONValue?
    }

    static let neverTwiceKey = "switchboard_never_twice"
    static let swiftTargetKey = "switchboard_target"

    /// What oslo.messaging's servers put into the context that their handlers see, and so take out of one that comes
    /// (oslo-wire.md §3.6).
    private static let foreignContextKeys: Set<String> = ["msg_id", "reply_q", "client_timeout"]

    static func isForeign(_ name: MemberName) -> Bool {
        name.isCut && name.expected == nil && foreignContextKeys.contains(name.text)
    }

    private var storage: ReferenceBox<Fields>

    var fields: Fields {
        get { storage.value }
        set { storage = ReferenceBox(newValue) }
    }

    @inline(__always)
    subscript<Value>(dynamicMember field: WritableKeyPath<Fields, Value>) -> Value {
        get { storage.value[keyPath: field] }
        set { fields[keyPath: field] = newValue }
    }

    init(_ fields: Fields) {
        storage = ReferenceBox(fields)
    }

    init(
        method: String,
        arguments: JSONObject = [:],
        namespace: String? = nil,
        version: String? = nil,
        messageID: JSONValue? = nil,
        replyQueue: String? = nil,
        timeout: JSONValue? = nil,
        uniqueID: String? = nil,
        context: JSONObject = [:],
        writtenContext: [UInt8]? = nil,
        deadline: JSONValue? = nil,
        neverTwice: Bool = false,
        swiftTarget: JSONValue? = nil
    ) {
        self.init(
            Fields(
                rawMethod: .string(method), rawArguments: .object(arguments), namespace: namespace,
                rawVersion: version.map(JSONValue.string), messageID: messageID, replyQueue: replyQueue,
                timeout: timeout, uniqueID: uniqueID, context: context, writtenContext: writtenContext,
                deadline: deadline, neverTwice: neverTwice, swiftTarget: swiftTarget))
    }

    static func == (one: OsloRequest, other: OsloRequest) -> Bool {
        one.fields == other.fields
    }

    func hash(into hasher: inout Hasher) {
        fields.hash(into: &hasher)
    }

    /// The method's name, for people where it is no string.
    var method: String {
        self.rawMethod.string ?? "\(self.rawMethod)"
    }

    func message() -> Message {
        message(messageID: self.messageID, replyQueue: self.replyQueue)
    }

    /// The message of a call, whose caller waits at `replyQueue`.
    func message(messageID: JSONValue?, replyQueue: String?) -> Message {
        OsloEnvelope.seal(capacity: 1536) { writer in
            var isFirst = true
            writer.key("method", isFirst: &isFirst)
            writer.write(self.rawMethod)
            writer.key("args", isFirst: &isFirst)
            writer.write(self.rawArguments ?? .object([:]))
            if let namespace = self.namespace {
                writer.key("namespace", isFirst: &isFirst)
                writer.write(namespace)
            }
            if let rawVersion = self.rawVersion {
                writer.key("version", isFirst: &isFirst)
                writer.write(rawVersion)
            }
            if let messageID {
                writer.key("_msg_id", isFirst: &isFirst)
                writer.write(messageID)
                writer.key("_reply_q", isFirst: &isFirst)
                writer.write(replyQueue.map(JSONValue.string) ?? .null)
                writer.key("_timeout", isFirst: &isFirst)
                writer.write(self.timeout ?? .null)
            }
            if let uniqueID = self.uniqueID {
                writer.key("_unique_id", isFirst: &isFirst)
                writer.write(uniqueID)
            }
            if self.neverTwice {
                writer.key(Self.neverTwiceKey, isFirst: &isFirst)
                writer.write(.bool(true))
            }
            if let swiftTarget = self.swiftTarget {
                writer.key(Self.swiftTargetKey, isFirst: &isFirst)
                writer.write(swiftTarget)
            }
            if let writtenContext = self.writtenContext { writer.writeNested(writtenContext) }
            writer.write(membersOf: self.context, expecting: RequestContext.wireNames, isFirst: &isFirst)
            if let deadline = self.deadline {
                writer.key(RPCDeadline.key, prefix: RequestContext.wireNames.prefix, isFirst: &isFirst)
                writer.write(deadline)
            }
        }
    }

    init(_ message: Message) throws(WireError) {
        var fields = Fields()
        var context = JSONObjectBuilder(capacity: 32)
        try OsloEnvelope.members(
            of: message, expecting: RequestContext.wireNames,
            restart: {
                fields = Fields()
                context = JSONObjectBuilder(capacity: 32)
            }
        ) { name, value in
            if name.isCut {
                if name.expected == nil, name.text == RPCDeadline.key {
                    fields.deadline = value
                } else if !Self.isForeign(name) {
                    context.set(name, value)
                }
                return
            }
            switch name.text {
            case "method": fields.rawMethod = value
            case "args": fields.rawArguments = value
            case "namespace": fields.namespace = value == .null ? nil : value.string ?? "\(value)"
            case "version": fields.rawVersion = value
            case "_msg_id": fields.messageID = value
            case "_reply_q": fields.replyQueue = value.string
            case "_timeout": fields.timeout = value
            case Self.neverTwiceKey: fields.neverTwice = value == true
            case Self.swiftTargetKey: fields.swiftTarget = value
            case "_unique_id": fields.uniqueID = value == .null ? nil : value.string ?? "\(value)"
            default: break
            }
        }
        fields.context = context.object
        self.init(fields)
    }
}
