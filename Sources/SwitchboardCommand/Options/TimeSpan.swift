import ArgumentParser

/// A span of time as options give it: a number of seconds, or with a unit: `90`, `90s`, `2m`, `1h`, `250ms`.
struct TimeSpan: ExpressibleByArgument, Hashable, Sendable, CustomStringConvertible {
    let duration: Duration
    let description: String

    private static let units: [(suffix: String, seconds: Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600)]

    init?(argument: String) {
        let unit = Self.units.first { argument.hasSuffix($0.suffix) }
        let number = argument.dropLast(unit?.suffix.count ?? 0)
        guard number.first?.isNumber == true || number.first == ".", let value = Double(number) else { return nil }
        let seconds = value * (unit?.seconds ?? 1)
        guard seconds < 1e9 else { return nil }
        duration = .seconds(seconds)
        description = argument
    }

    static let millisecond = TimeSpan(.milliseconds(1), "1ms")
    static let day = TimeSpan(.seconds(86_400), "24h")

    init(_ duration: Duration) {
        self.init(duration, "\(duration / .seconds(1))")
    }

    private init(_ duration: Duration, _ description: String) {
        self.duration = duration
        self.description = description
    }

    var seconds: Double { duration / .seconds(1) }

    /// Fails when it is shorter or longer than its option can be.
    func validate(as option: String, from least: TimeSpan = .millisecond, to most: TimeSpan? = nil) throws {
        let isLongEnough = duration >= least.duration
        if isLongEnough, most.map({ duration <= $0.duration }) ?? true { return }
        let range = most.map { "from \(least) to \($0)" } ?? "of \(least) or more"
        throw ValidationError("\(option) is a time \(range): seconds, or with a unit as in 500ms, 2m or 1h.")
    }
}

extension TimeSpan: ExpressibleByIntegerLiteral {
    /// So many seconds.
    init(integerLiteral value: Int) {
        self.init(.seconds(value), "\(value)")
    }
}

extension ArgumentHelp {
    /// The help of an option that takes a ``TimeSpan``: a clause of what it is, then the rest.
    static func time(_ clause: String, _ rest: String? = nil) -> ArgumentHelp {
        let sentence = "\(clause): seconds, or with a unit as in 500ms or 2m."
        return ArgumentHelp(rest.map { "\(sentence) \($0)" } ?? sentence, valueName: "time")
    }
}
