/// Does work that depends on somebody else's code, and throws `late` when it isn't done in time, or a `CancellationError`
/// when its task is cancelled. The work is cancelled then, and left behind where it does not heed that.
package func withDeadline<Value: Sendable>(
    _ limit: Duration, late: any Error, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    let first = FirstOutcome<Result<Value, any Error>>()
    // Not a child: one of those is waited for, however long it ignores being cancelled.
    let work = Task {
        do {
            first.settle(.success(try await body()))
        } catch {
            first.settle(.failure(error))
        }
    }
    let outcome = await withTaskCancellationHandler {
        await withDiscardingTaskGroup { group in
            group.addTask {
                guard (try? await Task.sleep(for: limit, clock: .continuous)) != nil else { return }
                if first.settle(.failure(late)) { work.cancel() }
            }
            defer { group.cancelAll() }
            return await first.value()
        }
    } onCancel: {
        work.cancel()
        first.settle(.failure(CancellationError()))
    }
    return try outcome.get()
}
