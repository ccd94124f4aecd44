import SwitchboardCore
import SwitchboardMessaging

/// Sends requests as a load says, and tallies what comes of them.
struct LoadGenerator: Sendable {
    let load: BenchLoad
    /// How many requests are under way at most.
    let concurrency: Int
    let span: Duration
    /// Parts of the time that are tallied for themselves.
    var steps = 1
    /// Sends one and returns when it is done.
    ///
    /// - Parameter due: when it should have begun.
    let send: @Sendable (_ due: ContinuousClock.Instant) async throws -> Void

    /// Returns after the last reply, or when the task is cancelled: what was under way counts for nothing then.
    func run() async -> BenchTally {
        let begin = ContinuousClock.now
        let end = begin + span
        let tally = Locked(BenchTally(steps: steps))
        let next = Locked(0)
        let begun = Locked(0)
        await withDiscardingTaskGroup { group in
            for _ in 0..<concurrency {
                group.addTask {
                    while !Task.isCancelled, let due = await turn(next, begin, end) {
                        begun.withLock { $0 += 1 }
                        await one(due, begin, tally)
                    }
                }
            }
        }
        let isCancelled = Task.isCancelled
        return tally.withLock { tally in
            tally.elapsed = begin.duration(to: .now)
            if !isCancelled, let count = load.count(within: span) {
                tally.late = max(0, count - begun.withLock { $0 })
            }
            return tally
        }
    }

    /// Waits until the next request is due. `nil` when there is none, or time is over.
    private func turn(
        _ next: Locked<Int>, _ begin: ContinuousClock.Instant, _ end: ContinuousClock.Instant
    ) async -> ContinuousClock.Instant? {
        guard load != .asFastAsReplied else {
            let now = ContinuousClock.now
            return now < end ? now : nil
        }
        let index = next.withLock { next in
            defer { next += 1 }
            return next
        }
        guard let due = load.due(index, within: span).map({ begin + $0 }) else { return nil }
        if due > .now {
            // Cancelled.
            guard (try? await Task.sleep(until: due, tolerance: .zero, clock: .continuous)) != nil else { return nil }
        }
        return ContinuousClock.now < end ? due : nil
    }

    private func one(
        _ due: ContinuousClock.Instant, _ begin: ContinuousClock.Instant, _ tally: Locked<BenchTally>
    ) async {
        let fraction = begin.duration(to: due) / span
        do {
            try await send(due)
            let latency = due.duration(to: .now)
            tally.withLock { $0.succeeded(in: latency, at: fraction) }
        } catch {
            guard !(error is CancellationError) else { return }
            let code = Self.code(of: error)
            tally.withLock { $0.failed(code, at: fraction) }
        }
    }

    /// One of few words.
    private static func code(of error: any Error) -> String {
        switch error {
        case let error as RPCError: "\(error.code)"
        case let error as NotificationError: "\(error.code)"
        case let error as TransportError: "\(error.code)"
        case is BenchServing.AnsweredByAnother: "answered by another server"
        default: "other"
        }
    }
}
