public import Logging
public import ServiceLifecycle

/// Runs services while `body` runs.
///
///     try await withRunning(queue, server) {
///         try await server.waitUntilServing()
///         …
///     }
///
/// The services start in the given order. When `body` returns, they shut down gracefully in the reverse order, so list a
/// service after those that it uses. When `body` throws, or the task is cancelled, they are cancelled. Either way, this
/// function returns once all of them have ended.
///
/// - Parameters:
///   - services: the services to run.
///   - logger: receives what the services' group logs; by default, nothing does.
///   - body: runs in the caller's task, while the services run.
/// - Returns: what `body` returns.
/// - Throws: what ended a service while `body` ran, if anything did: what `body` throws then is mostly a consequence. Else
///   what `body` throws.
public func withRunning<Result>(
    _ services: any Service...,
    logger: Logger = Logger(label: "switchboard") { _ in SwiftLogNoOpLogHandler() },
    _ body: () async throws -> Result
) async throws -> Result {
    let failure = Locked<(any Error)?>(nil)
    let group = ServiceGroup(services: services.map { Recorded(service: $0, failure: failure) }, logger: logger)
    return try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        do {
            let result = try await body()
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return result
        } catch {
            tasks.cancelAll()
            while await tasks.nextResult() != nil {}
            throw failure.withLock { $0 } ?? error
        }
    }
}

/// A service that leaves behind what has ended it.
private struct Recorded: Service {
    let service: any Service
    let failure: Locked<(any Error)?>

    func run() async throws {
        do {
            try await service.run()
        } catch {
            if isCause(error) { failure.withLock { $0 = $0 ?? error } }
            throw error
        }
    }

    /// Whether an error may have ended the service, and is not just how it says that it was cancelled. A transport fails its
    /// callers just before it ends: by then, the body may have failed and the service be cancelled.
    private func isCause(_ error: any Error) -> Bool {
        if error is CancellationError { return false }
        guard Task.isCancelled else { return true }
        guard let error = error as? TransportError else { return false }
        return error.code != .closed && error.code != .cancelled
    }
}
