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

    static let neverTwiceKey = Key.neverTwice.rawValue
    static let swiftTargetKey = Key.swiftTarget.rawValue

    /// The message's own keys, in the order in which they nearly always come.
    fileprivate enum Key: String, CaseIterable {
        case method, args, namespace, version
        case messageID = "_msg_id"
        case replyQueue = "_reply_q"
        case timeout = "_timeout"
        case uniqueID = "_unique_id"
        case neverTwice = "switchboard_never_twice"
        case swiftTarget = "switchboard_target"
    }

    private static let keys = Key.allCases
    private static let names = ExpectedNames(prefix: "", keys.map(\.rawValue))
    /// Those of the context, and the one that isn't the handler's.
    private static let contextNames = ExpectedNames(
        prefix: RequestContext.wireNames.prefix, RequestContext.wireNames.names + [RPCDeadline.key])

    /// What oslo.messaging's servers put into the context that their handlers see, and so take out of one that comes
    /// (oslo-wire.md §3.6).
    private static let foreignContextKeys: Set<String> = ["msg_id", "reply_q", "client_timeout"]

    static func isForeign(_ name: MemberName) -> Bool {
        name.isCut && name.expected == nil && foreignContextKeys.contains(name.text)
    }

    private var storage: ReferenceBox<Fields>
    /// The context, where ``init(receiving:)`` has read it at once; ``Fields/context`` is empty then.
    private(set) var receivedContext: RequestContext?

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
        OsloEnvelope.seal(capacity: 640 + (self.writtenContext?.count ?? 896)) { writer in
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
            if let key = Key(rawValue: name.text) { fields.set(key, value) }
        }
        fields.context = context.object
        self.init(fields)
    }

    // MARK: For servers

    /// Reads a request whose context is to be used, and not only looked at: it is in ``receivedContext`` nearly always.
    init(receiving message: Message) throws(WireError) {
        if let usual = Self(usual: message) { self = usual } else { try self.init(message) }
    }

    /// The trace that it carries is among these members.
    var traceCarrier: JSONObject { receivedContext?.additional ?? self.context }

    private enum Name {
        case own(Key)
        case context(Int)
        case deadline
        case additional(String)
        case unknown
    }

    /// `nil` where a message is not as nearly all are, so that ``init(_:)`` is to read it.
    private init?(usual message: Message) {
        var fields = Fields()
        var context = RequestContextReader()
        var (next, nextOfContext) = (0, 0)
        let isUsual = OsloEnvelope.usualMembers(of: message) { reader throws(JSONError) in
            try Self.name(from: &reader, &next, &nextOfContext)
        } _: { reader, name throws(JSONError) in
            switch name {
            case .own(let key): fields.set(key, try reader.value())
            case .context(let place): try context.read(place, from: &reader)
            case .deadline: fields.deadline = try reader.value()
            case .additional(let key): try context.add(key, try reader.value(), reader)
            case .unknown: _ = try reader.value()
            }
        }
        guard isUsual else { return nil }
        self.init(fields)
        receivedContext = context.context()
    }

    @inline(__always)
    private static func name(
        from reader: inout JSONReader, _ next: inout Int, _ nextOfContext: inout Int
    ) throws(JSONError) -> Name {
        // First those of the context: of the others their prefix tells that they are none.
        if let place = reader.expectedName(contextNames, &nextOfContext) {
            return place == contextNames.names.count - 1 ? .deadline : .context(place)
        }
        if let place = reader.expectedName(names, &next) { return .own(keys[place]) }
        return try otherName(from: &reader)
    }

    /// A name that isn't expected, or is near the end of the text, or written with escapes.
    private static func otherName(from reader: inout JSONReader) throws(JSONError) -> Name {
        var next = 0
        let name = try reader.name(expecting: RequestContext.wireNames, &next)
        guard name.isCut else { return Key(rawValue: name.text).map(Name.own) ?? .unknown }
        if let place = RequestContext.places[name.text] { return .context(place) }
        if name.text == RPCDeadline.key { return .deadline }
        return isForeign(name) ? .unknown : .additional(name.text)
    }
}

extension OsloRequest.Fields {
    fileprivate mutating func set(_ key: OsloRequest.Key, _ value: JSONValue) {
        switch key {
        case .method: rawMethod = value
        case .args: rawArguments = value
        case .namespace: namespace = value == .null ? nil : value.string ?? "\(value)"
        case .version: rawVersion = value
        case .messageID: messageID = value
        case .replyQueue: replyQueue = value.string
        case .timeout: timeout = value
        case .uniqueID: uniqueID = value == .null ? nil : value.string ?? "\(value)"
        case .neverTwice: neverTwice = value == true
        case .swiftTarget: swiftTarget = value
        }
    }
}
