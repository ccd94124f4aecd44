import SwitchboardCore

/// A reply as it crosses the wire: a result, a failure, or, with neither and `ending` false, a keepalive
/// (oslo-wire.md §3.4, §4.1).
struct OsloReply: Sendable, Hashable {
    var result: JSONValue
    var failure: OsloFailure?
    /// Whether this is the last message for its call.
    var ending: Bool
    var messageID: JSONValue?
    var uniqueID: String?
    /// The mailbox of the one who works on the call, where a cancellation can be sent: only in messages to Switchboard.
    var worker: String?
    /// Whether this is no reply but the caller's word that it does not wait any more: only in messages to Switchboard.
    var isCancellation = false

    static let workerKey = "switchboard_worker"
    static let cancellationKey = "switchboard_cancel"

    init(
        result: JSONValue, failure: OsloFailure? = nil, ending: Bool, messageID: JSONValue? = nil,
        uniqueID: String? = nil
    ) {
        self.result = result
        self.failure = failure
        self.ending = ending
        self.messageID = messageID
        self.uniqueID = uniqueID
    }

    func message() -> Message {
        OsloEnvelope.seal(capacity: 512) { writer in
            var isFirst = true
            writer.key("result", isFirst: &isFirst)
            writer.write(result)
            writer.key("failure", isFirst: &isFirst)
            if let failure {
                writer.nest { failure.write(to: &$0) }
            } else {
                writer.write(.null)
            }
            writer.key("ending", isFirst: &isFirst)
            writer.write(.bool(ending))
            writer.key("_msg_id", isFirst: &isFirst)
            writer.write(messageID ?? .null)
            if let uniqueID {
                writer.key("_unique_id", isFirst: &isFirst)
                writer.write(uniqueID)
            }
            if let worker {
                writer.key(Self.workerKey, isFirst: &isFirst)
                writer.write(worker)
            }
            if isCancellation {
                writer.key(Self.cancellationKey, isFirst: &isFirst)
                writer.write(.bool(true))
            }
        }
    }

    /// Reads a  A failure that is no JSON text becomes a failure that says so: its caller must learn of it.
    init(_ message: Message) throws(WireError) {
        self.init(result: .null, ending: false)
        try OsloEnvelope.members(of: message, restart: { self = OsloReply(result: .null, ending: false) }) {
            name, value in
            switch name.text {
            case "result": result = value
            case "failure":
                switch value {
                case .null, .string(""): failure = nil
                case .string(let text): failure = OsloFailure(text: text)
                default: failure = OsloFailure(unreadable: "\(value)")
                }
            case "ending": ending = value.isTrueInPython
            case "_msg_id": messageID = value
            case "_unique_id": uniqueID = value.string
            case Self.workerKey: worker = value.string
            case Self.cancellationKey: isCancellation = value == true
            default: break
            }
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
