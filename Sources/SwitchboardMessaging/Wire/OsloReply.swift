import SwitchboardCore

/// A reply as it crosses the wire: a result, a failure, or, with neither and `ending` false, a keepalive
/// (oslo-wire.md §3.4, §4.1).
@dynamicMemberLookup
struct OsloReply: Sendable, Hashable {
    struct Fields: Sendable, Hashable {
        var result: JSONValue
        var failure: OsloFailure?
        /// Whether this is the last message for its call.
        var ending: Bool
        var callID: WireID?
        /// Always a text.
        var sendingID: WireID?
        /// The mailbox of the one who works on the call, where a cancellation can be sent: only in messages to
        /// Switchboard.
        var worker: String?
        /// Whether this is no reply but the caller's word that it does not wait any more: only in messages to
        /// Switchboard.
        var isCancellation = false

        /// ``callID`` as it is in JSON.
        var messageID: JSONValue? {
            get { callID?.value }
            set { callID = newValue.map { WireID($0) } }
        }
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

    static let workerKey = Key.worker.name
    static let cancellationKey = Key.cancellation.name

    /// Its keys, in the order in which they nearly always come.
    fileprivate enum Key: Int, CaseIterable {
        case result, failure, ending, messageID, uniqueID, worker, cancellation

        var name: String {
            switch self {
            case .result: "result"
            case .failure: "failure"
            case .ending: "ending"
            case .messageID: "_msg_id"
            case .uniqueID: "_unique_id"
            case .worker: "switchboard_worker"
            case .cancellation: "switchboard_cancel"
            }
        }
    }

    private static let keys = Key.allCases
    private static let names = ExpectedNames(prefix: "", keys.map(\.name))
    fileprivate static let places = Dictionary(uniqueKeysWithValues: keys.map { ($0.name, $0) })

    init(_ fields: Fields) {
        storage = ReferenceBox(fields)
    }

    init(
        result: JSONValue, failure: OsloFailure? = nil, ending: Bool, messageID: JSONValue? = nil,
        uniqueID: String? = nil, worker: String? = nil, isCancellation: Bool = false
    ) {
        self.init(
            result: result, failure: failure, ending: ending, callID: messageID.map { WireID($0) },
            sendingID: uniqueID.map { WireID($0) }, worker: worker, isCancellation: isCancellation)
    }

    init(
        result: JSONValue, failure: OsloFailure? = nil, ending: Bool, callID: WireID?, sendingID: WireID? = nil,
        worker: String? = nil, isCancellation: Bool = false
    ) {
        self.init(
            Fields(
                result: result, failure: failure, ending: ending, callID: callID, sendingID: sendingID,
                worker: worker, isCancellation: isCancellation))
    }

    static func == (one: OsloReply, other: OsloReply) -> Bool {
        one.fields == other.fields
    }

    func hash(into hasher: inout Hasher) {
        fields.hash(into: &hasher)
    }

    func message() -> Message {
        message(sendingID: self.sendingID)
    }

    func message(sendingID: WireID?) -> Message {
        OsloEnvelope.seal { writer in
            var isFirst = true
            let names = Self.names
            func key(_ key: Key, _ writer: inout JSONWriter) { writer.key(key.rawValue, of: names, isFirst: &isFirst) }
            key(.result, &writer)
            writer.write(self.result)
            key(.failure, &writer)
            if let failure = self.failure {
                writer.nest { failure.write(to: &$0) }
            } else {
                writer.write(.null)
            }
            key(.ending, &writer)
            writer.write(.bool(self.ending))
            key(.messageID, &writer)
            if let callID = self.callID { writer.write(callID) } else { writer.write(.null) }
            if let sendingID {
                key(.uniqueID, &writer)
                writer.write(sendingID)
            }
            if let worker = self.worker {
                key(.worker, &writer)
                writer.write(worker)
            }
            if self.isCancellation {
                key(.cancellation, &writer)
                writer.write(.bool(true))
            }
        }
    }

    /// Reads a message. A failure that is no JSON text becomes a failure that says so: its caller must learn of it.
    init(_ message: Message) throws(WireError) {
        var fields = Fields(result: .null, ending: false)
        if Self.names.withNestedMembers({ fields.readUsual(message, $0, Self.names) }) {
            self.init(consume fields)
            return
        }
        fields = Fields(result: .null, ending: false)
        try OsloEnvelope.members(of: message, restart: { fields = Fields(result: .null, ending: false) }) {
            name, value in
            if let key = Self.places[name.text] { fields.set(key, value) }
        }
        self.init(fields)
    }
}

extension OsloReply.Fields {
    /// Returns `false` where a message is not as nearly all are, or wrong.
    fileprivate mutating func readUsual(
        _ message: Message, _ members: ExpectedNames.NestedMembers, _ names: ExpectedNames
    ) -> Bool {
        var next = 0
        return OsloEnvelope.usualMembers(of: message) { reader in
            reader.expectedMember(members, &next).map { OsloReply.Key(rawValue: $0) }
        } named: { reader throws(JSONError) in
            if let place = reader.expectedName(names, &next) { return OsloReply.Key(rawValue: place) }
            return OsloReply.places[try reader.string()]
        } _: { reader, key throws(JSONError) in
            switch key {
            case .messageID?: callID = try reader.id()
            case .uniqueID?: setSendingID(try reader.id())
            case let key?: set(key, try reader.value())
            case nil: _ = try reader.value()
            }
        }
    }

    private mutating func setSendingID(_ id: WireID) {
        sendingID = id.isText ? id : nil
    }

    fileprivate mutating func set(_ key: OsloReply.Key, _ value: JSONValue) {
        switch key {
        case .result: result = value
        case .failure:
            switch value {
            case .null, .string(""): failure = nil
            case .string(let text): failure = OsloFailure(text: text)
            default: failure = OsloFailure(unreadable: "\(value)")
            }
        case .ending: ending = value.isTrueInPython
        case .messageID: callID = WireID(value)
        case .uniqueID: setSendingID(WireID(value))
        case .worker: worker = value.string
        case .cancellation: isCancellation = value == true
        }
    }
}

extension JSONValue {
    /// What Python takes for true.
    var isTrueInPython: Bool {
        switch self {
        case .null: false
        case .bool(let value): value
        case .integer(let value): value != 0
        case .number: true
        case .double(let value): value != 0
        case .string(let value): !value.isEmpty
        case .array(let value): !value.isEmpty
        case .object(let value): !value.isEmpty
        }
    }
}
