import SwitchboardCore

/// Something waits for ever, or nearly.
struct TimeLimitExceeded: Error, CustomStringConvertible {
    let limit: Duration

    var description: String { "it was not done after \(limit): something waits for ever." }
}

/// Runs `body`, and throws ``TimeLimitExceeded`` when it takes longer than `limit`.
///
/// Does not wait for a body that ignores its cancellation: that is among what the laws look for. So the body is a task
/// of its own, which a law that hangs leaves behind.
func withTimeLimit(_ limit: Duration, _ body: @escaping @Sendable () async throws -> Void) async throws {
    let outcome = FirstOutcome()
    let work = Task {
        do {
            try await body()
            outcome.resolve(.success(()))
        } catch {
            outcome.resolve(.failure(error))
        }
    }
    let timer = Task {
        try await Task.sleep(for: limit)
        outcome.resolve(.failure(TimeLimitExceeded(limit: limit)))
    }
    defer {
        work.cancel()
        timer.cancel()
    }
    try await withTaskCancellationHandler {
        try await outcome.value()
    } onCancel: {
        outcome.resolve(.failure(CancellationError()))
    }
}

/// A result that is set by whoever comes first.
private final class FirstOutcome: Sendable {
    private struct State {
        var result: Result<Void, any Error>?
        var waiter: CheckedContinuation<Void, any Error>?
    }

    private let state = Locked(State())

    func resolve(_ result: Result<Void, any Error>) {
        let waiter: CheckedContinuation<Void, any Error>? = state.withLock { state in
            guard state.result == nil else { return nil }
            state.result = result
            return state.waiter
        }
        waiter?.resume(with: result)
    }

    /// For one caller.
    func value() async throws {
        try await withCheckedThrowingContinuation { continuation in
            let result: Result<Void, any Error>? = state.withLock { state in
                if state.result == nil { state.waiter = continuation }
                return state.result
            }
            if let result { continuation.resume(with: result) }
        }
    }
}
