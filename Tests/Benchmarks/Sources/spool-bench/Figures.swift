import BenchSupport
import Foundation

/// What was measured, in the order in which it was.
struct Figures {
    struct Figure: Codable {
        var group = "spool"
        /// What was done.
        var `case`: String
        /// By which program.
        var who: String
        var metric: String
        var value: Double
        var unit: String
    }

    private(set) var all: [Figure] = []
    private(set) var missed = 0
    private let isQuiet: Bool

    init(isQuiet: Bool) {
        self.isQuiet = isQuiet
    }

    /// - Parameters:
    ///   - least: the value that must be reached.
    ///   - most: the value that must not be passed.
    mutating func add(
        _ case: String, _ who: String, _ metric: String, _ value: Double, _ unit: String, least: Double? = nil,
        most: Double? = nil
    ) {
        let rounded = value < 100 ? (value * 1000).rounded() / 1000 : value.rounded()
        add(Figure(case: `case`, who: who, metric: metric, value: rounded, unit: unit), least, most)
    }

    /// What another program measured.
    mutating func add(json: Data) throws {
        for figure in try JSONDecoder().decode([Figure].self, from: json) { add(figure, nil, nil) }
    }

    private mutating func add(_ figure: Figure, _ least: Double?, _ most: Double?) {
        all.append(figure)
        var bar = ""
        if let least { bar = figure.value >= least ? "  (at least \(least): met)" : "  (at least \(least): MISSED)" }
        if let most { bar = figure.value <= most ? "  (at most \(most): met)" : "  (at most \(most): MISSED)" }
        if bar.contains("MISSED") { missed += 1 }
        if isQuiet { return }
        let number = figure.value == figure.value.rounded() ? String(Int(figure.value)) : String(figure.value)
        say("\(figure.case), \(figure.who): \(figure.metric) \(number) \(figure.unit)\(bar)")
    }

    var json: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(all), as: UTF8.self)
        }
    }
}

extension [Double] {
    /// The middle one: rounds that something else disturbed do not count.
    var median: Double { sorted()[count / 2] }
}
