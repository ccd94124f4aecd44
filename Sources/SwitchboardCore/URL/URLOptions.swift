/// Errors for URL options that a driver doesn't know.
public enum URLOptions {
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
