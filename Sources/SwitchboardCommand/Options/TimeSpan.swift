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
        guard seconds > 0, seconds < 1e9 else { return nil }
        duration = .seconds(seconds)
        description = argument
    }
}

extension TimeSpan: ExpressibleByIntegerLiteral {
    /// So many seconds.
    init(integerLiteral value: Int) {
        duration = .seconds(value)
        description = "\(value)"
    }
}
