/// Latencies by how often they occurred, as an HDR histogram has them: buckets whose width grows with the value.
///
/// Each power of two has 1024 buckets, so a value that is read back is at most 1/1024 above the one that was recorded, from
/// nanoseconds to centuries. Memory grows with the largest value, not with their number. A value type without I/O.
struct LatencyHistogram: Hashable, Sendable {
    /// A bucket that isn't empty.
    struct Bucket: Hashable, Sendable {
        /// In nanoseconds, the largest that it holds.
        let upperBound: UInt64
        let count: Int
    }

    /// The largest relative error of what is read back.
    static let maximumError = 1.0 / Double(1 << precision)

    private static let precision = 10

    private var counts: [Int] = []
    private(set) var count = 0
    private var sum = 0.0
    private var smallest = UInt64.max
    private var largest: UInt64 = 0

    mutating func record(_ latency: Duration) {
        record(nanoseconds: latency.wholeNanoseconds)
    }

    mutating func record(nanoseconds value: UInt64) {
        let index = Self.index(of: value)
        if index >= counts.count { counts += Array(repeating: 0, count: index + 1 - counts.count) }
        counts[index] += 1
        count += 1
        sum += Double(value)
        smallest = min(smallest, value)
        largest = max(largest, value)
    }

    mutating func merge(_ other: LatencyHistogram) {
        if other.counts.count > counts.count {
            counts += Array(repeating: 0, count: other.counts.count - counts.count)
        }
        for (index, count) in other.counts.enumerated() { counts[index] += count }
        count += other.count
        sum += other.sum
        smallest = min(smallest, other.smallest)
        largest = max(largest, other.largest)
    }

    /// The smallest; `nil` when nothing was recorded, as with all that follow.
    var minimum: Duration? { count > 0 ? Duration(nanoseconds: smallest) : nil }

    var maximum: Duration? { count > 0 ? Duration(nanoseconds: largest) : nil }

    var mean: Duration? { count > 0 ? .seconds(sum / Double(count) / 1e9) : nil }

    /// A latency that at least this share of all don't exceed, never below the exact one.
    ///
    /// - Parameter percent: from 0 to 100.
    func percentile(_ percent: Double) -> Duration? {
        guard count > 0 else { return nil }
        // A hair less, so that 99.9 % of 1000 are 999.
        let rank = max(1, Int((percent / 100 * Double(count) * (1 - 1e-12)).rounded(.up)))
        var seen = 0
        for (index, count) in counts.enumerated() where count > 0 {
            seen += count
            if seen >= rank { return Duration(nanoseconds: min(Self.upperBound(of: index), largest)) }
        }
        return maximum
    }

    /// From the smallest on.
    var buckets: [Bucket] {
        counts.enumerated().compactMap { index, count in
            count > 0 ? Bucket(upperBound: Self.upperBound(of: index), count: count) : nil
        }
    }

    // MARK: Buckets

    /// Up to twice the precision a bucket holds one value; from there on each power of two has as many buckets.
    private static func index(of value: UInt64) -> Int {
        let width = UInt64.bitWidth - value.leadingZeroBitCount
        let shift = max(0, width - 1 - precision)
        return (shift << precision) + Int(value >> UInt64(shift))
    }

    private static func upperBound(of index: Int) -> UInt64 {
        let shift = max(0, (index >> precision) - 1)
        let low = UInt64(index - (shift << precision)) << UInt64(shift)
        return low + ((1 << UInt64(shift)) - 1)
    }
}

extension Duration {
    init(nanoseconds: UInt64) {
        self = .nanoseconds(Int64(clamping: nanoseconds))
    }

    /// In nanoseconds; 0 below zero.
    var wholeNanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : whole &+ UInt64(attoseconds / 1_000_000_000)
    }
}
