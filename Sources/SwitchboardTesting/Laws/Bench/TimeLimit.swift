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
    let outcome = FirstOutcome<Result<Void, any Error>>()
    let work = Task {
        do {
            try await body()
            outcome.settle(.success(()))
        } catch {
            outcome.settle(.failure(error))
        }
    }
    let timer = Task {
        try await Task.sleep(for: limit)
        outcome.settle(.failure(TimeLimitExceeded(limit: limit)))
    }
    defer {
        work.cancel()
        timer.cancel()
    }
    try await withTaskCancellationHandler {
        try await outcome.value().get()
    } onCancel: {
        outcome.settle(.failure(CancellationError()))
    }
}
