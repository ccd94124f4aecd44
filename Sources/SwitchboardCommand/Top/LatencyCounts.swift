/// How often calls took how long, in few bytes: percentiles are right within 3 %.
///
/// Times are counted in microseconds, in 32 steps for each doubling; shorter than 32 µs, each has a step of its own.
struct LatencyCounts: Hashable, Sendable {
    private var counts: [UInt16: Int] = [:]
    private(set) var total = 0

    mutating func add(_ duration: Duration) {
        counts[Self.step(of: duration), default: 0] += 1
        total += 1
    }

    static func += (left: inout LatencyCounts, right: LatencyCounts) {
        for (step, count) in right.counts { left.counts[step, default: 0] += count }
        left.total += right.total
    }

    /// The time that this share of the calls took at most; `nil` when there is none.
    ///
    /// - Parameter share: from 0 to 1.
    func percentile(_ share: Double) -> Duration? {
        guard total > 0 else { return nil }
        let wanted = min(total, max(1, Int((share * Double(total)).rounded(.up))))
        var passed = 0
        for (step, count) in counts.sorted(by: { $0.key < $1.key }) {
            passed += count
            if passed >= wanted { return Self.duration(of: step) }
        }
        return nil
    }

    private static let longest: Int64 = 1 << 50

    private static func step(of duration: Duration) -> UInt16 {
        let value = UInt64(min(max(0, duration / .microseconds(1)), Double(longest)))
        guard value >= 32 else { return UInt16(value) }
        let doubling = 63 - value.leadingZeroBitCount
        return UInt16((doubling - 4) * 32 + Int(value >> UInt64(doubling - 5) & 31))
    }

    /// The middle of a step.
    private static func duration(of step: UInt16) -> Duration {
        guard step >= 32 else { return .microseconds(Int64(step)) }
        let doubling = Int(step) / 32 + 4
        let low = (Int64(32) + Int64(step) % 32) << Int64(doubling - 5)
        let width = Int64(1) << Int64(doubling - 5)
        return .microseconds(low + width / 2)
    }
}
