/// How requests are offered.
enum BenchLoad: Hashable, Sendable {
    /// A request begins when another has ended, so what is slow is asked less often.
    case asFastAsReplied
    /// Requests are due at points in time, whatever became of those before: so many a second, growing evenly from the first
    /// number to the second. What begins late is late from when it was due.
    case rate(from: Double, to: Double)

    var isRamp: Bool {
        if case .rate(let first, let last) = self { first != last } else { false }
    }

    /// Reads `100:5000`.
    static func ramp(_ text: String) -> BenchLoad? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { Double($0) }
        guard parts.count == 2, let first = parts[0], let last = parts[1] else { return nil }
        let load = BenchLoad.rate(from: first, to: last)
        return load.isValid ? load : nil
    }

    /// Rates are numbers from 0 to a million, not both 0.
    var isValid: Bool {
        guard case .rate(let first, let last) = self else { return true }
        return [first, last].allSatisfy { $0 >= 0 && $0 <= 1e6 } && first + last > 0
    }

    /// When a request is due, counted from the beginning; `nil` where none is due at a time of its own, or not within the span.
    ///
    /// - Parameter index: from 0 on.
    func due(_ index: Int, within span: Duration) -> Duration? {
        guard case .rate(let first, let last) = self else { return nil }
        let seconds = span / .seconds(1)
        let growth = (last - first) / seconds
        // So many are due until t: first · t + growth · t² / 2.
        let root = (first * first + 2 * growth * Double(index))
        guard root >= 0 else { return nil }
        let time = index == 0 ? 0 : 2 * Double(index) / (first + root.squareRoot())
        return time < seconds ? .seconds(time) : nil
    }

    /// How many are due within the span; `nil` where that depends on the replies.
    func count(within span: Duration) -> Int? {
        guard case .rate(let first, let last) = self else { return nil }
        return Int(((first + last) / 2 * (span / .seconds(1))).rounded(.up))
    }

    /// The rate in the middle of a part of the span.
    func rate(inStep step: Int, of steps: Int) -> Double? {
        guard case .rate(let first, let last) = self else { return nil }
        return first + (last - first) * (Double(step) + 0.5) / Double(steps)
    }
}
