import StandardStreams
import SwitchboardCore
import SwitchboardMessaging

/// A record as a line of text.
struct TapText: Sendable {
    var showsValues = false
    var redaction = TapRedaction()

    func line(_ record: TapRecord, cell: String? = nil) -> String {
        var parts = [Self.clock(record.time)]
        if let cell { parts.append(cell) }
        parts.append(record.kind.rawValue)
        parts.append(record.server.map { "\(record.topic).\($0)" } ?? record.topic)
        if !record.method.isEmpty { parts.append(record.namespace.map { "\($0):\(record.method)" } ?? record.method) }
        if let outcome = outcome(record) { parts.append(outcome) }
        parts.append(sizes(record))
        if let requestID = record.requestID { parts.append(requestID) }
        if let caller = record.caller { parts.append("by \(caller)") }
        if let connection = record.callerConnection { parts.append("from \(Self.peer(connection))") }
        if let connection = record.serverConnection { parts.append("answered from \(Self.peer(connection))") }
        if record.repeats > 0 { parts.append("sent \(record.repeats + 1) times") }
        parts.append(contents(record))
        return parts.filter { !$0.isEmpty }.map { Secret.masked(in: $0) }.joined(separator: "  ")
    }

    private func outcome(_ record: TapRecord) -> String? {
        let time = record.duration.map(\.text) ?? ""
        return switch record.outcome {
        case .sent: nil
        case .result: record.duration == nil ? "result" : "in \(time)"
        case .failure(let className, let message):
            "\(className)\(showsValues ? " (\(redaction.redacted(message)))" : "")"
                + (time.isEmpty ? "" : " in \(time)")
        case .noAnswer: "no answer within \(time)"
        case .late(let failure): "late, after \(time)\(failure.map { ": \($0)" } ?? "")"
        case .duplicate: "one more answer to a call that has one"
        case .open: "no answer yet"
        case .unseen: "answer not seen"
        case .unreadable(let reason): "not readable: \(reason)"
        }
    }

    private func sizes(_ record: TapRecord) -> String {
        switch (record.requestBytes, record.replyBytes) {
        case (let request, 0): "\(request) B"
        case (0, let reply): "→ \(reply) B"
        case (let request, let reply): "\(request) B → \(reply) B"
        }
    }

    private func contents(_ record: TapRecord) -> String {
        guard showsValues else {
            return record.arguments.isEmpty
                ? "" : "(\(record.arguments.keys.map { redaction.redacted($0) }.joined(separator: ", ")))"
        }
        let arguments = record.arguments.isEmpty ? "" : "\(JSONValue.object(redaction.redacted(record.arguments)))"
        let result = record.result == .null ? "" : "→ \(redaction.redacted(record.result))"
        return [arguments, result].filter { !$0.isEmpty }.joined(separator: " ")
    }

    /// `127.0.0.1:4711 -> 127.0.0.1:5672` without the broker's end.
    static func peer(_ connection: String) -> String {
        String(connection.prefix { $0 != " " })
    }

    /// The time of day, in UTC.
    static func clock(_ time: Double) -> String {
        let milliseconds = Int64((time * 1000).rounded(.down)) % 86_400_000
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let thousandths = milliseconds % 1000
        let padded = String(repeating: "0", count: 3 - "\(thousandths)".count) + "\(thousandths)"
        return
            "\(two(milliseconds / 3_600_000)):\(two(milliseconds / 60_000 % 60)):\(two(milliseconds / 1000 % 60)).\(padded)"
    }
}
