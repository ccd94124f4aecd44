/// What came of the requests of a measurement. A value without I/O.
struct BenchTally: Hashable, Sendable {
    /// A part of the time.
    struct Step: Hashable, Sendable {
        var latencies = LatencyHistogram()
        var failed = 0
    }

    /// From when a request was due until its reply, or until the queue had accepted it.
    private(set) var latencies = LatencyHistogram()
    /// How many failed, by the error's code.
    private(set) var failures: [String: Int] = [:]
    private(set) var steps: [Step]
    /// Requests that were due and hadn't begun when time was over.
    var late = 0
    /// How long it took, until the last reply.
    var elapsed = Duration.zero

    init(steps: Int = 1) {
        self.steps = Array(repeating: Step(), count: max(1, steps))
    }

    var succeeded: Int { latencies.count }
    var failed: Int { failures.values.reduce(0, +) }

    /// - Parameter fraction: of the time that had gone when the request was due, from 0 to 1.
    mutating func succeeded(in latency: Duration, at fraction: Double) {
        latencies.record(latency)
        steps[step(at: fraction)].latencies.record(latency)
    }

    mutating func failed(_ code: String, at fraction: Double) {
        failures[code, default: 0] += 1
        steps[step(at: fraction)].failed += 1
    }

    private func step(at fraction: Double) -> Int {
        min(steps.count - 1, max(0, Int(fraction * Double(steps.count))))
    }
}
