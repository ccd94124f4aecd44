import SwitchboardCore

/// A request, call or cast, as it crosses the wire (oslo-wire.md §3.3).
///
/// What a peer may get wrong and is answered for is kept as it came: `rawMethod`, `rawArguments`, `rawVersion`.
@dynamicMemberLookup
struct OsloRequest: Sendable, Hashable {
    struct Fields: Sendable, Hashable {
        var rawMethod = JSONValue.null
        var rawArguments: JSONValue?
        /// What is written instead of them: ``JSONTextEncoder/nestedObject(_:)``.
        var writtenArguments: [UInt8]?
        var namespace: String?
        var rawVersion: JSONValue?
        /// The id that the reply carries; any scalar. `nil` for casts.
        var callID: WireID?
        var replyQueue: String?
        /// The caller's keepalive interval in seconds; `.null` when it wants none.
        var timeout: JSONValue?
        /// Differs for every message that is not sent again. Always a text.
        var sendingID: WireID?
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

        /// ``callID`` as it is in JSON.
        var messageID: JSONValue? {
            get { callID?.value }
            set { callID = newValue.map { WireID($0) } }
        }
        /// The text of ``sendingID``.
        var uniqueID: String? {
            get { sendingID?.text }
            set { sendingID = newValue.map { WireID($0) } }
        }
    }

    static let neverTwiceKey = Key.neverTwice.name
    static let swiftTargetKey = Key.swiftTarget.name

    /// The message's own keys, in the order in which they nearly always come.
    enum Key: Int, CaseIterable {
        case method, args, namespace, version, messageID, replyQueue, timeout, uniqueID, neverTwice, swiftTarget

        var name: String {
            switch self {
            case .method: "method"
            case .args: "args"
            case .namespace: "namespace"
            case .version: "version"
            case .messageID: "_msg_id"
            case .replyQueue: "_reply_q"
            case .timeout: "_timeout"
            case .uniqueID: "_unique_id"
            case .neverTwice: "switchboard_never_twice"
            case .swiftTarget: "switchboard_target"
            }
        }
    }

    private static let keys = Key.allCases
    static let names = ExpectedNames(prefix: "", keys.map(\.name))
    static let places = Dictionary(uniqueKeysWithValues: keys.map { ($0.name, $0) })
    /// Those of the context, and the one that isn't the handler's.
    static let contextNames = ExpectedNames(
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

    init(_ fields: Fields, receivedContext: RequestContext? = nil) {
        storage = ReferenceBox(fields)
        self.receivedContext = receivedContext
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
                rawVersion: version.map(JSONValue.string), callID: messageID.map { WireID($0) }, replyQueue: replyQueue,
                timeout: timeout, sendingID: uniqueID.map { WireID($0) }, context: context,
                writtenContext: writtenContext,
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
        message(callID: self.callID, replyQueue: self.replyQueue)
    }

    /// The message of a call, whose caller waits at `replyQueue`.
    func message(callID: WireID?, replyQueue: String?) -> Message {
        OsloEnvelope.seal { writer in
            var isFirst = true
            let names = Self.names
            func key(_ key: Key, _ writer: inout JSONWriter) { writer.key(key.rawValue, of: names, isFirst: &isFirst) }
            key(.method, &writer)
            writer.write(self.rawMethod)
            key(.args, &writer)
            if let written = self.writtenArguments {
                writer.writeNested(written)
            } else {
                writer.write(self.rawArguments ?? .object([:]))
            }
            if let namespace = self.namespace {
                key(.namespace, &writer)
                writer.write(namespace)
            }
            if let rawVersion = self.rawVersion {
                key(.version, &writer)
                writer.write(rawVersion)
            }
            if let callID {
                key(.messageID, &writer)
                writer.write(callID)
                key(.replyQueue, &writer)
                writer.write(replyQueue.map(JSONValue.string) ?? .null)
                key(.timeout, &writer)
                writer.write(self.timeout ?? .null)
            }
            if let sendingID = self.sendingID {
                key(.uniqueID, &writer)
                writer.write(sendingID)
            }
            if self.neverTwice {
                key(.neverTwice, &writer)
                writer.write(.bool(true))
            }
            if let swiftTarget = self.swiftTarget {
                key(.swiftTarget, &writer)
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
            if let key = Self.places[name.text] { fields.set(key, value) }
        }
        fields.context = context.object
        self.init(fields)
    }

    // MARK: For servers

    /// Reads a request whose context is to be used, and not only looked at: it is in ``receivedContext`` nearly always.
    init(receiving message: Message) throws(WireError) {
        var reader = UsualRequestReader()
        if reader.read(message) { self = reader.takeRequest() } else { try self.init(message) }
    }

    /// The trace that it carries is among these members.
    var traceCarrier: JSONObject { receivedContext?.additional ?? self.context }
}

extension OsloRequest.Fields {
    mutating func setSendingID(_ id: WireID) {
        sendingID =
            switch id {
            case .digits, .other(.string): id
            case .other(.null): nil
            case .other(let value): WireID("\(value)")
            }
    }

    mutating func set(_ key: OsloRequest.Key, _ value: JSONValue) {
        switch key {
        case .method: rawMethod = value
        case .args: rawArguments = value
        case .namespace: namespace = value == .null ? nil : value.string ?? "\(value)"
        case .version: rawVersion = value
        case .messageID: callID = WireID(value)
        case .replyQueue: replyQueue = value.string
        case .timeout: timeout = value
        case .uniqueID: setSendingID(WireID(value))
        case .neverTwice: neverTwice = value == true
        case .swiftTarget: swiftTarget = value
        }
    }
}
