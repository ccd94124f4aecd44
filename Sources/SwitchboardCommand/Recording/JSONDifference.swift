import SwitchboardMessaging

/// The first place in which a value differs from a recorded one. Masked text in the recording fits whatever is there.
struct JSONDifference: Hashable, Sendable {
    /// `$.instances[3].host`
    let path: String
    let recorded: JSONValue?
    let found: JSONValue?

    private static let mask = "***"

    /// `nil` when they agree.
    init?(recorded: JSONValue, found: JSONValue) {
        guard let difference = Self.first(recorded, found, "$") else { return nil }
        self = difference
    }

    private init(_ path: String, _ recorded: JSONValue?, _ found: JSONValue?) {
        self.path = path
        self.recorded = recorded
        self.found = found
    }

    private static func first(_ recorded: JSONValue, _ found: JSONValue, _ path: String) -> JSONDifference? {
        switch (recorded, found) {
        case (.string(mask), _): return nil
        case (.string(let pattern), .string(let text)) where pattern.contains(mask):
            return fits(text, pattern) ? nil : JSONDifference(path, recorded, found)
        case (.array(let recordedElements), .array(let foundElements)):
            for (index, (one, other)) in zip(recordedElements, foundElements).enumerated() {
                if let difference = first(one, other, "\(path)[\(index)]") { return difference }
            }
            let index = min(recordedElements.count, foundElements.count)
            guard recordedElements.count != foundElements.count else { return nil }
            return JSONDifference(
                "\(path)[\(index)]", recordedElements.dropFirst(index).first, foundElements.dropFirst(index).first)
        case (.object(let recordedMembers), .object(let foundMembers)):
            for (key, one) in recordedMembers {
                guard let other = foundMembers[key] else { return JSONDifference("\(path).\(key)", one, nil) }
                if let difference = first(one, other, "\(path).\(key)") { return difference }
            }
            for (key, other) in foundMembers where recordedMembers[key] == nil {
                return JSONDifference("\(path).\(key)", nil, other)
            }
            return nil
        default: return recorded == found ? nil : JSONDifference(path, recorded, found)
        }
    }

    /// Whether a text has the parts between the masks, in their order.
    private static func fits(_ text: String, _ pattern: String) -> Bool {
        let parts = pattern.split(separator: mask, omittingEmptySubsequences: false)
        guard let head = parts.first, let tail = parts.last, text.hasPrefix(head), text.hasSuffix(tail),
            text.utf8.count >= head.utf8.count + tail.utf8.count
        else { return false }
        var rest = text.dropFirst(head.count).dropLast(tail.count)
        for part in parts.dropFirst().dropLast() where !part.isEmpty {
            guard let range = rest.firstRange(of: part) else { return false }
            rest = rest[range.upperBound...]
        }
        return true
    }
}
