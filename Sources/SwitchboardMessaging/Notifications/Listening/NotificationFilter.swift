/// Which notifications a handler gets, as oslo.messaging's `NotificationFilter`.
///
/// The patterns are regular expressions that must match from the start of a text, not to its end: write `$` for that.
/// All of them must match; where the key is missing or its value is no text, a pattern does not.
///
/// They are those of Python's `re`: `.`, `[a-z]`, `\d \w \s \b` and their opposites, `|`, `(…)`, `(?:…)`, `(?P<name>…)`,
/// `* + ? {2,3}`, `^ $ \A \Z`, and the flags `(?imsx)`. No pattern and no text makes a filter slow: references to groups,
/// look-ahead, look-behind, atomic groups and possessive repetitions, which would, are refused, and so is what has more
/// than 4000 parts when its repetitions are written out.
///
///     try NotificationFilter(eventType: #"compute\.instance\..*"#, payload: ["state": "^active$"])
public struct NotificationFilter: Sendable {
    private var publisherID: TextPattern?
    private var eventType: TextPattern?
    private var context: [(key: String, pattern: TextPattern)]
    private var metadata: [(key: String, pattern: TextPattern)]
    private var payload: [(key: String, pattern: TextPattern)]

    /// - Parameters:
    ///   - publisherID: a pattern for the publisher.
    ///   - eventType: a pattern for the event type.
    ///   - context: patterns for members of the sender's context.
    ///   - metadata: patterns for `message_id` and `timestamp`.
    ///   - payload: patterns for members of the payload.
    /// - Throws: ``NotificationError/Code/invalidFilter``, which names the pattern that cannot be used, and says why.
    public init(
        publisherID: String? = nil,
        eventType: String? = nil,
        context: [String: String] = [:],
        metadata: [String: String] = [:],
        payload: [String: String] = [:]
    ) throws(NotificationError) {
        self.publisherID = try Self.pattern(publisherID, of: "publisherID")
        self.eventType = try Self.pattern(eventType, of: "eventType")
        self.context = try Self.patterns(context, of: "context")
        self.metadata = try Self.patterns(metadata, of: "metadata")
        self.payload = try Self.patterns(payload, of: "payload")
        for (key, _) in self.metadata where key != "message_id" && key != "timestamp" {
            throw NotificationError(
                .invalidFilter, "The metadata of a notification are message_id and timestamp, not \(key).")
        }
    }

    /// Whether the notification passes.
    public func matches(_ event: NotificationEvent) -> Bool {
        Self.matches(publisherID, event.publisherID) && Self.matches(eventType, event.eventType)
            && context.allSatisfy { Self.matches($0.pattern, event.context[$0.key]?.string) }
            && metadata.allSatisfy {
                Self.matches($0.pattern, $0.key == "message_id" ? event.id : event.timestampText)
            }
            && payload.allSatisfy { Self.matches($0.pattern, event.payload[$0.key]?.string) }
    }

    private static func matches(_ pattern: TextPattern?, _ text: String?) -> Bool {
        guard let pattern else { return true }
        guard let text else { return false }
        return pattern.matches(text)
    }

    private static func pattern(_ source: String?, of name: String) throws(NotificationError) -> TextPattern? {
        guard let source else { return nil }
        do {
            return try TextPattern(source)
        } catch {
            throw NotificationError(
                .invalidFilter, "The filter's pattern for \(name), \"\(source)\", cannot be used: \(error).",
                cause: nil)
        }
    }

    private static func patterns(
        _ sources: [String: String], of name: String
    ) throws(NotificationError) -> [(key: String, pattern: TextPattern)] {
        var patterns: [(key: String, pattern: TextPattern)] = []
        for (key, source) in sources.sorted(by: { $0.key < $1.key }) {
            if let pattern = try pattern(source, of: "\(name) \(key)") { patterns.append((key, pattern)) }
        }
        return patterns
    }
}
