import SwitchboardCore
import SwitchboardMessaging

/// A record as an object of JSON.
struct TapJSON: Sendable {
    var showsValues = false
    var redaction = TapRedaction()

    func object(_ record: TapRecord, cell: String? = nil) -> JSONObject {
        var object = JSONObject()
        func set(_ name: String, _ text: String?) {
            if let text { object[name] = .string(Secret.masked(in: text)) }
        }
        object["time"] = .double((record.time * 1000).rounded() / 1000)
        set("cell", cell)
        object["kind"] = .string(record.kind.rawValue)
        set("exchange", record.exchange)
        set("topic", record.topic)
        set("server", record.server)
        set(record.kind == .notification ? "event_type" : "method", record.method.isEmpty ? nil : record.method)
        set("namespace", record.namespace)
        set("version", record.version)
        set("request_id", record.requestID)
        set("user_id", record.userID)
        set("project_id", record.projectID)
        set(record.kind == .notification ? "publisher_id" : "caller", record.caller)
        set("caller_connection", record.callerConnection.map(TapText.peer))
        set("server_connection", record.serverConnection.map(TapText.peer))
        object["outcome"] = .string(record.outcome.word)
        switch record.outcome {
        case .failure(let className, let message):
            set("error", className)
            if showsValues { object["error_message"] = .string(redaction.redacted(message)) }
        case .late(let failure): set("error", failure)
        case .unreadable(let reason): set("reason", reason)
        case .sent, .result, .noAnswer, .duplicate, .open, .unseen: break
        }
        if let duration = record.duration {
            object["milliseconds"] = .double((duration.milliseconds * 1000).rounded() / 1000)
        }
        if record.requestBytes > 0 { object["request_bytes"] = JSONValue(record.requestBytes) }
        if record.replyBytes > 0 { object["reply_bytes"] = JSONValue(record.replyBytes) }
        if record.repeats > 0 { object["repeats"] = JSONValue(record.repeats) }
        if showsValues {
            object["arguments"] = .object(redaction.redacted(record.arguments))
            if record.result != .null { object["result"] = redaction.redacted(record.result) }
        } else {
            object["arguments"] = .array(record.arguments.keys.map { .string(redaction.redacted($0)) })
        }
        return object
    }
}
