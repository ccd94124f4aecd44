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
        var messageID: JSONValue?
        var uniqueID: String?
        /// The mailbox of the one who works on the call, where a cancellation can be sent: only in messages to
        /// Switchboard.
        var worker: String?
        /// Whether this is no reply but the caller's word that it does not wait any more: only in messages to
        /// Switchboard.
        var isCancellation = false
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

    static let workerKey = Key.worker.rawValue
    static let cancellationKey = Key.cancellation.rawValue

    /// Its keys, in the order in which they nearly always come.
    fileprivate enum Key: String, CaseIterable {
        case result, failure, ending
        case messageID = "_msg_id"
        case uniqueID = "_unique_id"
        case worker = "switchboard_worker"
        case cancellation = "switchboard_cancel"
    }

    private static let keys = Key.allCases
    private static let names = ExpectedNames(prefix: "", keys.map(\.rawValue))

    init(_ fields: Fields) {
        storage = ReferenceBox(fields)
    }

    init(
        result: JSONValue, failure: OsloFailure? = nil, ending: Bool, messageID: JSONValue? = nil,
        uniqueID: String? = nil, worker: String? = nil, isCancellation: Bool = false
    ) {
        self.init(
            Fields(
                result: result, failure: failure, ending: ending, messageID: messageID, uniqueID: uniqueID,
                worker: worker, isCancellation: isCancellation))
    }

    static func == (one: OsloReply, other: OsloReply) -> Bool {
        one.fields == other.fields
    }

    func hash(into hasher: inout Hasher) {
        fields.hash(into: &hasher)
    }

    func message() -> Message {
        message(uniqueID: self.uniqueID)
    }

    func message(uniqueID: String?) -> Message {
        OsloEnvelope.seal(capacity: 512) { writer in
            var isFirst = true
            writer.key("result", isFirst: &isFirst)
            writer.write(self.result)
            writer.key("failure", isFirst: &isFirst)
            if let failure = self.failure {
                writer.nest { failure.write(to: &$0) }
            } else {
                writer.write(.null)
            }
            writer.key("ending", isFirst: &isFirst)
            writer.write(.bool(self.ending))
            writer.key("_msg_id", isFirst: &isFirst)
            writer.write(self.messageID ?? .null)
            if let uniqueID {
                writer.key("_unique_id", isFirst: &isFirst)
                writer.write(uniqueID)
            }
            if let worker = self.worker {
                writer.key(Self.workerKey, isFirst: &isFirst)
                writer.write(worker)
            }
            if self.isCancellation {
                writer.key(Self.cancellationKey, isFirst: &isFirst)
                writer.write(.bool(true))
            }
        }
    }

    /// Reads a message. A failure that is no JSON text becomes a failure that says so: its caller must learn of it.
    init(_ message: Message) throws(WireError) {
        var fields = Fields(result: .null, ending: false)
        var next = 0
        let isUsual = OsloEnvelope.usualMembers(of: message) { reader throws(JSONError) in
            if let place = reader.expectedName(Self.names, &next) { return Self.keys[place] as Key? }
            return Key(rawValue: try reader.string())
        } _: { reader, key throws(JSONError) in
            let value = try reader.value()
            if let key { fields.set(key, value) }
        }
        if isUsual {
            self.init(fields)
            return
        }
        fields = Fields(result: .null, ending: false)
        try OsloEnvelope.members(of: message, restart: { fields = Fields(result: .null, ending: false) }) {
            name, value in
            if let key = Key(rawValue: name.text) { fields.set(key, value) }
        }
        self.init(fields)
    }
}

extension OsloReply.Fields {
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
        case .messageID: messageID = value
        case .uniqueID: uniqueID = value.string
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
