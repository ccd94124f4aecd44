import Glibc

/// Prints one figure, as the driver of the suite reads it; `group`, `case` and `who` are the driver's to know.
public func figure(_ metric: String, _ value: Double, _ unit: String) {
    say("{\"metric\": \"\(metric)\", \"value\": \(value), \"unit\": \"\(unit)\"}")
}

/// What operations took, all together and each.
public struct Measurement: Sendable {
    public var seconds: Double
    public var cpuSeconds: Double
    /// Microseconds of each, sorted.
    public var samples: [Double]

    public init(seconds: Double, cpuSeconds: Double, samples: [Double]) {
        self.seconds = seconds
        self.cpuSeconds = cpuSeconds
        self.samples = samples
    }

    public func percentile(_ share: Double) -> Double {
        samples[min(samples.count - 1, Int(Double(samples.count) * share))]
    }

    /// Prints the figures of a client.
    public func report() {
        report(count: samples.count)
        figure("p50", percentile(0.5), "us")
        figure("p99", percentile(0.99), "us")
    }

    /// Prints the figures of a client whose operations were not timed one by one.
    public func report(count: Int) {
        figure("rate", Double(count) / seconds, "1/s")
        figure("client cpu", cpuSeconds / Double(count) * 1e6, "us")
        figure("client rss", Double(Usage.peakMemory), "KiB")
    }
}

/// Runs an operation `count` times, `outstanding` at a time.
public func measure(
    _ count: Int, outstanding: Int, _ operation: @escaping @Sendable () async throws -> Void
) async throws -> Measurement {
    let start = ContinuousClock.now
    let cpu = Usage.cpuSeconds
    let samples = try await withThrowingTaskGroup(of: [Double].self) { group in
        for worker in 0..<outstanding {
            group.addTask {
                var samples: [Double] = []
                let share = count / outstanding + (worker < count % outstanding ? 1 : 0)
                samples.reserveCapacity(share)
                for _ in 0..<share {
                    let start = ContinuousClock.now
                    try await operation()
                    samples.append((ContinuousClock.now - start) / .microseconds(1))
                }
                return samples
            }
        }
        return try await group.reduce(into: []) { $0 += $1 }
    }
    return Measurement(
        seconds: (ContinuousClock.now - start) / .seconds(1), cpuSeconds: Usage.cpuSeconds - cpu,
        samples: samples.sorted())
}
