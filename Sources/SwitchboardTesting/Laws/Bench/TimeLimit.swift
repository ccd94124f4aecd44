import SwitchboardCore

/// Something waits for ever, or nearly.
package struct TimeLimitExceeded: Error, CustomStringConvertible {
    let limit: Duration

    package var description: String { "it was not done after \(limit): something waits for ever." }
}

/// Runs `body`, and throws ``TimeLimitExceeded`` when it takes longer than `limit`.
///
/// Does not wait for a body that ignores its cancellation: that is among what the laws look for. So the body is a task
/// of its own, which a law that hangs leaves behind.
package func withTimeLimit<Value: Sendable>(
    _ limit: Duration, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withDeadline(limit, late: TimeLimitExceeded(limit: limit), body)
}

/// Yields while a condition holds. Throws `CancellationError` when its task is cancelled, as by a time limit: a loop that
/// doesn't look would go on for ever.
nonisolated(nonsending) package func yieldsWhile(_ isSo: () async throws -> Bool) async throws {
    while try await isSo() {
        try Task.checkCancellation()
        await Task.yield()
    }
}
