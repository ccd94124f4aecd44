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
/// - Parameter logger: receives what the services' group logs.
/// - Throws: what ended a service before `body` did: what `body` throws then is a consequence. Else what `body` throws.
public func withRunning<Result>(
    _ services: any Service...,
    logger: Logger = Logger(label: "switchboard") { _ in SwiftLogNoOpLogHandler() },
    _ body: () async throws -> Result
) async throws -> Result {
    let services = ServiceGroup(services: services, logger: logger)
    return try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await services.run() }
        do {
            let result = try await body()
            await services.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return result
        } catch {
            tasks.cancelAll()
            do {
                try await tasks.waitForAll()
            } catch let cause where !(cause is CancellationError) {
                throw cause
            }
            throw error
        }
    }
}
