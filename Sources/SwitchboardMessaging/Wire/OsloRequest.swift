import SwitchboardCore

/// A request, call or cast, as it crosses the wire (oslo-wire.md §3.3).
///
/// What a peer may get wrong and is answered for is kept as it came: `rawMethod`, `rawArguments`, `rawVersion`.
struct OsloRequest: Sendable, Hashable {
    var rawMethod: JSONValue
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
    var context: JSONObject
    /// Members of the context that are written as they are: ``RequestContext/nestedWireMembers()``.
    var writtenContext: [UInt8]?
    /// The key of the context that is not the handler's: ``RPCDeadline``. Apart, so that nobody has to copy the others to
    /// add it or to take it out.
    var deadline: JSONValue?

    init(
        method: String,
        arguments: JSONObject = [:],
        namespace: String? = nil,
        version: String? = nil,
        messageID: JSONValue? = nil,
        replyQueue: String? = nil,
        timeout: JSONValue? = nil,
        uniqueID: String? = nil,
        context: JSONObject = [:]
    ) {
        rawMethod = .string(method)
        rawArguments = .object(arguments)
        self.namespace = namespace
        rawVersion = version.map(JSONValue.string)
        self.messageID = messageID
        self.replyQueue = replyQueue
        self.timeout = timeout
        self.uniqueID = uniqueID
        self.context = context
    }

    /// The method's name, for people where it is no string.
    var method: String {
        rawMethod.string ?? "\(rawMethod)"
    }

    func message() -> Message {
        OsloEnvelope.seal(capacity: 1536) { writer in
            var isFirst = true
            writer.key("method", isFirst: &isFirst)
            writer.write(rawMethod)
            writer.key("args", isFirst: &isFirst)
            writer.write(rawArguments ?? .object([:]))
            if let namespace {
                writer.key("namespace", isFirst: &isFirst)
                writer.write(namespace)
            }
            if let rawVersion {
                writer.key("version", isFirst: &isFirst)
                writer.write(rawVersion)
            }
            if let messageID {
                writer.key("_msg_id", isFirst: &isFirst)
                writer.write(messageID)
                writer.key("_reply_q", isFirst: &isFirst)
                writer.write(replyQueue.map(JSONValue.string) ?? .null)
                writer.key("_timeout", isFirst: &isFirst)
                writer.write(timeout ?? .null)
            }
            if let uniqueID {
                writer.key("_unique_id", isFirst: &isFirst)
                writer.write(uniqueID)
            }
            if let writtenContext { writer.writeNested(writtenContext) }
            writer.write(membersOf: context, expecting: RequestContext.wireNames, isFirst: &isFirst)
            if let deadline {
                writer.key(RPCDeadline.key, prefix: RequestContext.wireNames.prefix, isFirst: &isFirst)
                writer.write(deadline)
            }
        }
    }

    /// With nothing in it yet.
    private init() {
        self.init(method: "")
        rawMethod = .null
        rawArguments = nil
    }

    init(_ message: Message) throws(WireError) {
        self.init()
        var context = JSONObjectBuilder(capacity: 32)
        try OsloEnvelope.members(
            of: message, expecting: RequestContext.wireNames,
            restart: {
                self = OsloRequest()
                context = JSONObjectBuilder(capacity: 32)
            }
        ) { name, value in
            if name.isCut {
                if name.expected == nil, name.text == RPCDeadline.key {
                    deadline = value
                } else {
                    context.set(name, value)
                }
                return
            }
            switch name.text {
            case "method": rawMethod = value
            case "args": rawArguments = value
            case "namespace": namespace = value == .null ? nil : value.string ?? "\(value)"
            case "version": rawVersion = value
            case "_msg_id": messageID = value
            case "_reply_q": replyQueue = value.string
            case "_timeout": timeout = value
            case "_unique_id": uniqueID = value == .null ? nil : value.string ?? "\(value)"
            default: break
            }
        }
        self.context = context.object
    }
}
