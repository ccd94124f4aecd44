import SwitchboardCore
import SwitchboardMessaging

/// What came of a replay. A value without I/O.
struct ReplayReport: Hashable, Sendable {
    /// An answer that isn't the recorded one.
    struct Difference: Hashable, Sendable {
        let number: Int
        let method: String
        let id: String
        /// Where in the result: `$.host`; `nil` where one is a result and the other a failure, or none came.
        let path: String?
        let recorded: String
        let found: String
    }

    /// How many differences are kept.
    static let mostDifferences = 1000

    /// Requests and notifications that were sent.
    var sent = 0
    /// Those whose methods aren't allowed.
    var passedOver = 0
    /// Messages of the recording that are damaged.
    var damaged = 0
    /// Messages that are neither requests, nor answers, nor notifications, or weren't readable when they were recorded.
    var others = 0
    /// How many messages of the recording were looked at: `--skip` goes on from here.
    var position = 0
    /// Calls that were answered.
    var answered = 0
    /// Calls without an answer in time.
    var unanswered = 0
    /// Of what couldn't be sent, by the error's code.
    var failures: [String: Int] = [:]
    /// Answers that were compared, and how many of them were the recorded ones.
    var compared = 0
    var equal = 0
    /// Calls that the recording has no answer to.
    var withoutRecorded = 0
    private(set) var differences: [Difference] = []
    private(set) var differing = 0
    var isInterrupted = false
    /// Messages of an interrupted replay that the queue hadn't confirmed yet.
    var unconfirmed = 0
    /// Calls of an interrupted replay that waited for their answers.
    var open = 0

    /// Why nothing was sent, where that is due to what was asked for.
    ///
    /// - Parameter skip: how many messages were to be passed by.
    func emptiness(skip: Int) -> String? {
        guard !isInterrupted, sent == 0, failed == 0, position > 0 else { return nil }
        if skip >= position { return "--skip passes by all \(position) messages of the recording." }
        return passedOver > 0 ? "--allow names none of the recorded methods and event types." : nil
    }

    var failed: Int { failures.values.reduce(0, +) }

    /// Whether everything was sent and answered, as recorded where that was compared.
    var isClean: Bool { !isInterrupted && failed == 0 && unanswered == 0 && differing == 0 && damaged == 0 }

    mutating func add(_ difference: Difference) {
        differing += 1
        if differences.count < Self.mostDifferences { differences.append(difference) }
    }

    /// Takes the answer to a call; `nil`: none came in time.
    ///
    /// - Parameter compares: whether it is held against the recorded one.
    mutating func add(_ answer: ReplayItem.Answer?, to item: ReplayItem, compares: Bool) {
        if answer == nil { unanswered += 1 } else { answered += 1 }
        guard compares else { return }
        guard let recorded = item.answer else { return withoutRecorded += 1 }
        compared += 1
        func differ(_ path: String?, _ recorded: String, _ found: String) {
            add(
                Difference(
                    number: item.number, method: item.method, id: item.id ?? "", path: path, recorded: recorded,
                    found: found))
        }
        switch (recorded, answer) {
        case (.result(let one), .result(let other)?):
            // Secrets aren't compared, so that none is shown.
            let redaction = TapRedaction()
            guard
                let difference = JSONDifference(recorded: redaction.redacted(one), found: redaction.redacted(other))
            else { return equal += 1 }
            differ(
                difference.path, difference.recorded.map(Self.text) ?? "nothing",
                difference.found.map(Self.text) ?? "nothing")
        case (.failure(let one), .failure(let other)?) where one == other: equal += 1
        case (_, nil): differ(nil, Self.text(of: recorded), "no answer")
        case (_, let answer?): differ(nil, Self.text(of: recorded), Self.text(of: answer))
        }
    }

    private static func text(of answer: ReplayItem.Answer) -> String {
        switch answer {
        case .result: "a result"
        case .failure(let name): name
        }
    }

    /// Cut, so that a line stays one.
    private static func text(_ value: JSONValue) -> String {
        let text = value.description
        return text.count <= 120 ? text : text.prefix(119) + "…"
    }

    // MARK: Shown

    /// - Parameter limit: how many differences are listed.
    func lines(limit: Int) -> [String] {
        var lines = differences.prefix(limit).map { difference in
            let place = difference.path.map { " \($0):" } ?? ""
            return
                "#\(difference.number) \(difference.method) \(difference.id):\(place) recorded \(difference.recorded), "
                + "now \(difference.found)"
        }
        if differing > lines.count, differing > 0 { lines.append("… and \(differing - lines.count) more differences") }
        var summary = "Sent \(sent) messages"
        if isInterrupted { summary += ", and was interrupted: --skip \(position) goes on" }
        lines.append(summary + ".")
        if unconfirmed > 0 { lines.append("\(unconfirmed) of them were not confirmed, and may not have arrived.") }
        if open > 0 { lines.append("\(open) calls were waiting for their answers.") }
        if answered + unanswered > 0 {
            lines.append("\(answered) calls were answered, \(unanswered) were not in time.")
        }
        if compared > 0 || withoutRecorded > 0 {
            lines.append(
                "\(compared) answers were compared: \(equal) as recorded, \(differing) differ. \(withoutRecorded) calls have "
                    + "no recorded answer.")
        }
        if passedOver > 0 { lines.append("\(passedOver) messages are of methods that aren't allowed.") }
        if failed > 0 {
            let codes = failures.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
            lines.append("\(failed) couldn't be sent: \(codes).")
        }
        if damaged > 0 { lines.append("\(damaged) messages of the recording are damaged.") }
        if others > 0 { lines.append("\(others) messages are neither requests, answers nor notifications.") }
        return lines
    }

    var json: JSONObject {
        var json = JSONObject()
        json["sent"] = JSONValue(sent)
        json["interrupted"] = .bool(isInterrupted)
        json["unconfirmed"] = JSONValue(unconfirmed)
        json["open"] = JSONValue(open)
        json["position"] = JSONValue(position)
        json["answered"] = JSONValue(answered)
        json["unanswered"] = JSONValue(unanswered)
        json["compared"] = JSONValue(compared)
        json["equal"] = JSONValue(equal)
        json["differing"] = JSONValue(differing)
        json["without_recorded_answer"] = JSONValue(withoutRecorded)
        json["not_allowed"] = JSONValue(passedOver)
        json["damaged"] = JSONValue(damaged)
        json["others"] = JSONValue(others)
        var codes = JSONObject()
        for (code, count) in failures.sorted(by: { $0.key < $1.key }) { codes[code] = JSONValue(count) }
        json["failures"] = .object(codes)
        json["differences"] = .array(
            differences.map { difference in
                [
                    "number": JSONValue(difference.number), "method": .string(difference.method),
                    "id": .string(difference.id), "path": JSONValue(difference.path),
                    "recorded": .string(difference.recorded), "now": .string(difference.found),
                ]
            })
        return json
    }
}
