/// Counts what a tap tells, over the last seconds, per cell, topic and method. No I/O, no clock.
///
/// Memory is bounded: of more than ``mostKeys`` different methods in a second, the rest is counted together.
struct TopStatistics: Sendable {
    /// What is counted together.
    struct Key: Hashable, Sendable {
        var cell: String?
        var topic: String
        /// `nil`: of all.
        var method: String?
    }

    struct Counts: Hashable, Sendable {
        var calls = 0
        /// Casts, fanouts and notifications.
        var others = 0
        /// By their class.
        var errors: [String: Int] = [:]
        /// Of calls that were answered.
        var latencies = LatencyCounts()

        static func += (left: inout Counts, right: Counts) {
            left.calls += right.calls
            left.others += right.others
            for (name, count) in right.errors { left.add(error: name, count) }
            left.latencies += right.latencies
        }

        fileprivate mutating func add(error name: String, _ count: Int = 1) {
            let key = errors.count < 50 || errors[name] != nil ? name : "others"
            errors[key, default: 0] += count
        }
    }

    struct Queue: Hashable, Sendable {
        var cell: String?
        var name: String
    }

    private struct Second {
        var number: Int
        var counts: [Key: Counts] = [:]
        var redeliveries: [Queue: Int] = [:]
        var missed = 0
    }

    static let mostKeys = 5000

    private let window: Int
    private let start: ContinuousClock.Instant
    private var seconds: [Second] = []

    /// - Parameter window: how many seconds are looked back.
    init(window: Int, start: ContinuousClock.Instant) {
        self.window = max(1, window)
        self.start = start
    }

    mutating func add(_ record: TapRecord, cell: String?, at instant: ContinuousClock.Instant) {
        change(instant) { second in
            var key = Key(cell: cell, topic: record.topic, method: record.method)
            if second.counts[key] == nil, second.counts.count >= Self.mostKeys {
                key = Key(cell: cell, topic: "others", method: "others")
            }
            second.counts[key, default: Counts()].add(record)
        }
    }

    /// A message went out to a consumer once more.
    mutating func addRedelivery(_ queue: Queue, at instant: ContinuousClock.Instant) {
        change(instant) { second in
            guard second.redeliveries[queue] != nil || second.redeliveries.count < Self.mostKeys else { return }
            second.redeliveries[queue, default: 0] += 1
        }
    }

    mutating func addMissed(_ count: Int, at instant: ContinuousClock.Instant) {
        change(instant) { $0.missed += count }
    }

    private mutating func change(_ instant: ContinuousClock.Instant, _ body: (inout Second) -> Void) {
        let number = number(of: instant)
        if seconds.last.map({ $0.number < number }) ?? true { seconds.append(Second(number: number)) }
        let oldest = number - window
        if let first = seconds.first, first.number <= oldest { seconds.removeAll { $0.number <= oldest } }
        // An instant a little before the last one belongs to it.
        let last = seconds.count - 1
        body(&seconds[last])
    }

    private func number(of instant: ContinuousClock.Instant) -> Int {
        Int(clamping: start.duration(to: instant).components.seconds)
    }

    /// What the window holds.
    struct Totals: Sendable {
        var counts: [Key: Counts] = [:]
        var redeliveries: [Queue: Int] = [:]
        var missed = 0
        /// Over how many seconds it was counted.
        var seconds = 1.0
    }

    func totals(at instant: ContinuousClock.Instant) -> Totals {
        let oldest = number(of: instant) - window
        var totals = Totals()
        for second in seconds where second.number > oldest {
            for (key, counts) in second.counts { totals.counts[key, default: Counts()] += counts }
            for (queue, count) in second.redeliveries { totals.redeliveries[queue, default: 0] += count }
            totals.missed += second.missed
        }
        totals.seconds = min(Double(window), max(1, start.duration(to: instant) / .seconds(1)))
        return totals
    }
}

extension TopStatistics.Counts {
    fileprivate mutating func add(_ record: TapRecord) {
        switch record.kind {
        // It was counted when its call's time was over.
        case .call: if case .late = record.outcome {} else { calls += 1 }
        case .reply: break
        case .cast, .fanout, .notification, .other: others += 1
        }
        if let name = record.outcome.failureClass { add(error: name) }
        switch record.outcome {
        case .result, .failure: if let duration = record.duration { latencies.add(duration) }
        case .sent, .noAnswer, .late, .duplicate, .open, .unseen, .unreadable: break
        }
    }
}
