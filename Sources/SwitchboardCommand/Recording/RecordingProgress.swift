import SwitchboardMessaging

/// What a recording has, and what it lacks.
struct RecordingProgress: Hashable, Sendable {
    /// Messages that are written.
    var recorded = 0
    /// The size of their contents.
    var bytes = 0
    /// Messages that came faster than they were written.
    var missed = 0
    /// Messages that the tap couldn't take: too large, for example.
    var unreadable = 0
    /// How often the connection was lost: what passed then isn't there.
    var gaps = 0

    /// Whether everything is there that passed.
    var isWhole: Bool { missed == 0 && unreadable == 0 && gaps == 0 }

    /// What it lacks, in sentences.
    var lacks: [String] {
        var lines: [String] = []
        if missed > 0 { lines.append("\(missed) messages came faster than they could be written, and are missing.") }
        if unreadable > 0 { lines.append("\(unreadable) messages were too large or unreadable, and are missing.") }
        if gaps > 0 { lines.append("The connection was lost \(gaps) times; what passed then is missing.") }
        return lines
    }

    var json: JSONObject {
        [
            "recorded": JSONValue(recorded), "bytes": JSONValue(bytes), "missed": JSONValue(missed),
            "unreadable": JSONValue(unreadable), "gaps": JSONValue(gaps),
        ]
    }
}
