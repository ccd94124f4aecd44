/// Reads the options of a URL's query for a driver: each by its name, then ``finish()`` refuses those that nothing has
/// read.
///
/// Every error is a ``TransportError/Code/invalidOption`` that names the option, the scheme, and what the option may be.
///
///     var options = try URLOptions(url)
///     limit = try options.integer("queue_limit", in: 1...1_000_000) ?? limit
///     try options.finish()
public struct URLOptions: Sendable {
    private let scheme: String
    private var unread: [TransportURL.Option]
    /// The names of the options without a value that count as absent. ``finish()`` refuses unknown ones all the same.
    private let dropped: [String]
    private var known: [String] = []

    /// Takes the options of a URL. Throws if one of them is given twice.
    ///
    /// - Parameters:
    ///   - url: the URL of a driver.
    ///   - dropsEmpty: whether an option without a value counts as absent, as in oslo.messaging.
    public init(_ url: TransportURL, dropsEmpty: Bool = false) throws(TransportError) {
        scheme = url.scheme
        unread = url.options.filter { !dropsEmpty || !$0.value.isEmpty }
        dropped = dropsEmpty ? url.options.filter(\.value.isEmpty).map(\.name) : []
        var names: Set<String> = []
        for option in unread where !names.insert(option.name).inserted {
            throw refusal(of: option.name, because: "it is given twice")
        }
    }

    /// The option's value as it is; `nil` if the URL doesn't have it.
    public mutating func text(_ name: String) -> String? {
        known.append(name)
        guard let index = unread.firstIndex(where: { $0.name == name }) else { return nil }
        return unread.remove(at: index).value
    }

    /// A whole number within a range.
    public mutating func integer(_ name: String, in range: ClosedRange<Int>) throws(TransportError) -> Int? {
        guard let text = text(name) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            let limits =
                range.upperBound == .max ? "\(range.lowerBound) on" : "\(range.lowerBound) to \(range.upperBound)"
            throw refusal(of: name, because: "\"\(text)\" isn't a whole number from \(limits)")
        }
        return number
    }

    /// A number within a range.
    public mutating func number(_ name: String, in range: ClosedRange<Double>) throws(TransportError) -> Double? {
        guard let text = text(name) else { return nil }
        guard let number = Double(text), range.contains(number) else {
            throw refusal(
                of: name, because: "\"\(text)\" isn't a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// `1`, `true`, `yes` or `on`; `0`, `false`, `no` or `off`; in upper or lower case, as in oslo.config.
    public mutating func flag(_ name: String) throws(TransportError) -> Bool? {
        guard let text = text(name) else { return nil }
        switch text.lowercased() {
        case "1", "true", "yes", "on": return true
        case "0", "false", "no", "off": return false
        default: throw refusal(of: name, because: "\"\(text)\" is neither true nor false")
        }
    }

    /// One of a type's raw values.
    public mutating func choice<Choice>(
        _ name: String, of type: Choice.Type = Choice.self
    ) throws(TransportError) -> Choice? where Choice: RawRepresentable<String> & CaseIterable {
        guard let text = text(name) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            let choices = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw refusal(of: name, because: "\"\(text)\" isn't one of \(choices)")
        }
        return choice
    }

    /// Throws if an option is left that nothing has read; suggests the known one with the most similar name.
    public func finish() throws(TransportError) {
        guard let name = unread.first?.name ?? dropped.first(where: { !known.contains($0) }) else { return }
        throw Self.unknown(name, known: known, of: scheme)
    }

    /// The error for an option that can't be used. `reason` is the middle of a sentence.
    public func refusal(of name: String, because reason: String) -> TransportError {
        TransportError(.invalidOption, "The option \(name) of the \(scheme):// URL can't be used: \(reason).")
    }

    /// The error for an unknown option. It suggests the known option with the most similar name.
    public static func unknown(_ name: String, known: [String], of scheme: String) -> TransportError {
        var sentence = "\(scheme):// has no option \"\(name)\""
        if let near = nearest(to: name, in: known) {
            sentence += "; did you mean \(near)?"
        } else {
            sentence += known.isEmpty ? "; it has none." : "; it has \(known.sorted().joined(separator: ", "))."
        }
        return TransportError(.invalidOption, sentence)
    }

    /// The most similar candidate, if no more than a third of the name's characters differ.
    public static func nearest(to name: String, in candidates: [String]) -> String? {
        let scored = candidates.map { ($0, distance(Array(name.lowercased()), Array($0.lowercased()))) }
        guard let best = scored.min(by: { $0.1 < $1.1 }), best.1 <= max(2, name.count / 3) else { return nil }
        return best.0
    }

    /// The number of characters to insert, delete or replace (Levenshtein).
    private static func distance(_ one: [Character], _ other: [Character]) -> Int {
        // A name of an absurd length is near to nothing.
        guard one.count <= 100 else { return .max }
        var row = Array(0...other.count)
        for (i, a) in one.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, b) in other.enumerated() {
                let replaced = diagonal + (a == b ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[other.count]
    }
}
