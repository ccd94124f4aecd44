import SwitchboardCore
import SwitchboardMessaging

/// Measures a queue: sends to a server of its own, for a while.
struct Bench: Sendable {
    let serving: BenchServing
    var load = BenchLoad.asFastAsReplied
    /// How many requests are under way at most.
    var concurrency = 16
    var span = Duration.seconds(10)
    /// How long requests are sent before any is measured.
    var warmUp = Duration.seconds(1)
    /// Returns when the measurement shall end early.
    var interruption: @Sendable () async -> Void = {
        try? await Task.sleep(for: .seconds(365 * 86_400))
    }

    /// How many parts of a ramp are told apart.
    private static let rampSteps = 10

    /// Measures through two connections that run: requests go through the first, and are served on the second.
    ///
    /// - Throws: what keeps the server from starting or the first request from being done; `CancellationError` when it was
    ///   interrupted before anything was measured.
    func run(
        from client: MessageQueueConnection, to server: MessageQueueConnection
    ) async throws -> BenchResult {
        try await serving.serving(on: server, waiting: { try await begin($0) }) {
            // The first request opens the connection and its reply queue, which isn't what is measured.
            let send = serving.sender(through: client, counts: false)
            try await begin { try await send(.now) }
            if warmUp > .zero {
                let warming = generator(BenchLoad.warmUp(for: load), warmUp, send)
                try await begin { _ = await warming.run() }
            }
            let measured = generator(load, span, serving.sender(through: client, counts: true))
            let processorTime = ProcessorTime.used
            let (tally, isInterrupted) = try await untilInterrupted { await measured.run() }
            if serving.kind != .calls { await settle(tally.succeeded) }
            return BenchResult(
                kind: serving.kind, load: load, concurrency: concurrency, span: span, tally: tally,
                arrivals: serving.arrivals.withLock { $0 }, processorTime: ProcessorTime.used - processorTime,
                isInterrupted: isInterrupted)
        }
    }

    private func generator(
        _ load: BenchLoad, _ span: Duration, _ send: @escaping @Sendable (ContinuousClock.Instant) async throws -> Void
    ) -> LoadGenerator {
        LoadGenerator(
            load: load, concurrency: concurrency, span: span, steps: load.isRamp ? Self.rampSteps : 1, send: send)
    }

    /// Throws `CancellationError` when it is interrupted.
    private func begin(_ body: @escaping @Sendable () async throws -> Void) async throws {
        if try await untilInterrupted(body).isInterrupted { throw CancellationError() }
    }

    /// Runs `body`, which is cancelled by an interruption.
    private func untilInterrupted<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> (value: Result, isInterrupted: Bool) {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                await interruption()
                return nil
            }
            defer { group.cancelAll() }
            var isInterrupted = false
            while let end = try await group.next() {
                if let end { return (end, isInterrupted) }
                isInterrupted = true
                group.cancelAll()
            }
            throw CancellationError()
        }
    }

    /// Waits until what was accepted has arrived; not longer than the time-out after the last that arrives.
    private func settle(_ expected: Int) async {
        var seen = -1
        var deadline = ContinuousClock.now
        while true {
            let count = serving.arrivals.withLock { $0.latencies.count }
            if count > seen { deadline = .now + serving.timeout }
            seen = count
            guard count < expected, ContinuousClock.now < deadline else { return }
            guard (try? await Task.sleep(for: .milliseconds(5))) != nil else { return }
        }
    }
}

extension BenchLoad {
    /// What a measurement begins with: a ramp's first rate, or its last where it begins with nothing.
    static func warmUp(for load: BenchLoad) -> BenchLoad {
        guard case .rate(let first, let last) = load else { return load }
        return first > 0 ? .rate(from: first, to: first) : .rate(from: last, to: last)
    }
}
